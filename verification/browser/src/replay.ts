/** Replays the contract: what each call may do, which events it has, what every record changes (docs/protocol.md). */

import { decoded, encoded, selector, topic, type Value } from "./abi.js";
import { estimateOf, filterSize, isOverASet, worthOf } from "./aggregation.js";
import {
  blockOf,
  headerBytes,
  isApproved,
  isZero,
  kindWord,
  meansOf,
  reportBytes,
  type Block,
  type Report,
} from "./blocks.js";
import { concat, hex, integer, keccak, maskOf, Reader, same, seats, small, text, uint, UNIT, ZERO } from "./bytes.js";
import type { Log } from "./chain.js";
import { key } from "./chain.js";
import { Ledger, Stop } from "./checks.js";
import { drawInput, isDrawn, meanOf, modelOf, vrfHash, type Model } from "./draws.js";
import { committeeSize, quorumOf, seedOf, tieOf, type Game } from "./parameters.js";
import { accuracyOf, armOf, radiusOf, stepOf } from "./rules.js";
import { isSignedBy, Statements } from "./signatures.js";

export const APPROVED = 1,
  REJECTED = 2,
  SKIP = 3,
  EXPLORATION = 4;
const NEVER = Infinity;
const FIRST_REPUTATION = 32_768;
export const NO_PULL = 255;

const EVENTS = {
  Joined: "uint16,address",
  Opened: "bytes32",
  Recorded: "uint32,uint8,bytes32",
  RecordedWithCommittee: "uint32,uint8,bytes32,uint256",
  Accused: "uint16,uint32",
  Voided: "uint16,uint32,uint64",
  Acquitted: "uint16",
  RewardsSettled: "uint32,bytes",
  SealRevealed: "uint16,bytes32",
  Revealed: "uint32",
  CostsSettled: "uint32,uint32",
  Closed: "bool,uint256",
  Withdrawn: "address,uint256",
} as const;
export type Event = keyof typeof EVENTS;

const EQUIVOCATION = "(uint16,uint32,bytes32,uint8,uint8,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32)";
const FALSE_REPORT =
  "(uint16,uint32,bytes32,bytes,bytes32,bytes32,bytes,uint32,bytes32,bytes32,bytes32,bytes32[],uint8)";
const ACQUITTAL = "(uint16,bytes32,uint8,uint32,uint64,bytes32,bytes32,bytes32)";
const RECORDS = "(bytes32,uint8,bool,bytes)[]";

export interface Call {
  sender: Uint8Array;
  data: Uint8Array;
  value: bigint;
  block: number;
}

/** Calls that anybody may make; withdrawing and revealing a key are those of seats. */
const ANYBODYS = new Set([
  "join",
  "submitBlocks",
  "skip",
  "skipAfterDeadline",
  "reportEquivocation",
  "reportFalse",
  "acquit",
  "revealSeal",
  "withdraw",
]);

/** A round's record. */
export interface Round {
  round: number;
  kind: number;
  /** The number of its first pull, and how many there are. */
  t: number;
  length: number;
  /** What the honest pull by the rules, whatever its block says. */
  arm: number;
  /** Rounds that failed before it, in all and in a row. */
  failed: number;
  inARow: number;
  nRef: number[];
  parent: Uint8Array;
  head: Uint8Array;
  header: Uint8Array;
  block: Block | null;
  blocked: bigint;
  /** What was settled: a pull a seat; null until it is. Tags of a sealed game. */
  pulls: Pull[] | null;
  tags: Uint8Array[] | null;
  case2: boolean | null;
}

export interface Pull {
  arm: number;
  pulls: number;
  reward: bigint;
}

interface Seat {
  address: Uint8Array;
  vrfKey: Uint8Array;
  sealHash: Uint8Array;
  weight: number;
  sealKey: Uint8Array | null;
  /** First round on the block list. */
  since: number;
  /** Listed first for a false report: it validates on. */
  liar: boolean;
  equivocated: boolean;
  proven: { round: number; kept: bigint; named: number; tally: Uint8Array } | null;
  acquitted: boolean;
  credited: bigint;
  burnIn: bigint;
  started: boolean;
  charge: bigint;
  withdrawn: boolean;
}

/** A refusal: the contract would not have taken the call. */
class Refused extends Error {}

export interface Settlement {
  first: number;
  through: number;
  root: Uint8Array;
  signature: Uint8Array;
}

/** What a proof of a false report rests on: under a root that the environment signed, the leaf of a seat's tally. */
export interface Proof {
  seat: number;
  named: number;
  leaf: Uint8Array;
  through: number;
  root: Uint8Array;
  where: string;
}

export class Replay {
  seats: Seat[] = [];
  byAddress = new Map<string, number>();
  salt: Uint8Array | null = null;
  seed0: Uint8Array = ZERO;
  genesis: Uint8Array = ZERO;
  openedIn = 0;
  head: Uint8Array = ZERO;
  rounds: Round[] = [];
  round: number;
  t: number;
  nRef: number[];
  failed = 0;
  inARow = 0;
  skips = 0;
  explorations = 0;
  reputations: number[] = [];
  committee = 0n;
  lastRecordIn = 0;
  overIn: number | null = null;
  inForce: { means: number[]; worth: (number | null)[] } | null = null;
  settledThrough: number;
  settlements: Settlement[] = [];
  proofs: Proof[] = [];
  /** Rows of rounds that are not paid, by round; of rounds before L too. */
  rows = new Map<number, Pull[]>();
  firstSettled = false;
  summed = false;
  sums: bigint[] | null = null;
  secret: Uint8Array | null = null;
  roles: Uint8Array | null = null;
  model: Model | null = null;
  cost = 0n;
  costsDown: number | null = null;
  case2Rounds = 0;
  closed: { void: boolean; burned: bigint; share: bigint; environment: bigint } | null = null;
  environmentWithdrew = false;
  refusals = 0;
  private readonly statements: Statements;

  constructor(
    readonly game: Game,
    readonly environment: Uint8Array,
    readonly pool: bigint,
    readonly createdIn: number,
    chainId: bigint,
    readonly contract: Uint8Array,
    readonly ledger: Ledger,
  ) {
    const { burnIn, arms } = game.n;
    this.round = this.t = burnIn;
    this.settledThrough = burnIn;
    this.nRef = Array.from({ length: arms }, () => 0);
    for (let round = 1; round < burnIn; ++round) ++this.nRef[(round - 1) % arms]!;
    this.statements = new Statements(chainId, contract, game.digest);
  }

  /** The calls that this page knows; each gives the events that it has. */
  private static readonly calls: Record<
    string,
    (game: Replay, call: Call, body: Uint8Array, bodies: Map<string, Uint8Array>) => [Event, Value[]][]
  > = {
    "join(bytes)": (game, call, body) => game.join(call, body),
    "open(bytes32)": (game, call, body) => game.open(call, body),
    "submitBlocks()": (game, call, body, bodies) => game.submit(call, body, bodies),
    "skip(uint256,uint256,bytes)": (game, call, body) => game.skip(call, body),
    "skipAfterDeadline(uint256)": (game, call, body) => game.skipLate(call, body),
    [`reportEquivocation(${EQUIVOCATION})`]: (game, call, body) => game.equivocation(call, body),
    [`reportFalse(${FALSE_REPORT})`]: (game, call, body) => game.falseReport(call, body),
    [`acquit(${ACQUITTAL})`]: (game, call, body) => game.acquit(call, body),
    "settleRewards(uint32,bytes)": (game, call, body) => game.settleRewards(call, body),
    "settleSums(bytes)": (game, call, body) => game.settleSums(call, body),
    "revealSeal(bytes32)": (game, call, body) => game.revealSeal(call, body),
    "reveal(bytes32,bytes,bytes)": (game, call, body) => game.reveal(call, body),
    [`settleCosts(${RECORDS})`]: (game, call, body) => game.settleCosts(call, body),
    "close()": (game, call) => game.close(call),
    "withdraw()": (game, call) => game.withdraw(call),
  };
  private static readonly selectors = new Map(
    Object.entries(Replay.calls).map(([signature, handler]) => [selector(signature), { signature, handler }]),
  );

  get isOpen(): boolean {
    return this.salt !== null;
  }

  private isOver(block: number): boolean {
    return this.isOpen && (this.overIn !== null || block > this.openedIn + Number(this.game.words.gameBlocks));
  }

  private get end(): number {
    return this.overIn ?? this.openedIn + Number(this.game.words.gameBlocks);
  }

  private get windowEnd(): number {
    return this.end + Number(this.game.words.settlementWindow);
  }

  /** Until when what everybody was given is shown: where lies are proven, the rest of the window is for what follows. */
  private get shownEnd(): number {
    return this.end + Math.floor(Number(this.game.words.settlementWindow) / (this.game.provable ? 4 : 1));
  }

  private get proofsEnd(): number {
    return this.end + Number(this.game.words.settlementWindow / 2n);
  }

  /** Seats on the block list of a round. */
  blocked(round: number): bigint {
    return maskOf(this.seats.flatMap((seat, at) => (seat.since <= round ? [at] : [])));
  }

  /** Seats that a round's list keeps from validating. */
  private barred(round: number): bigint {
    return maskOf(this.seats.flatMap((seat, at) => (seat.since <= round && !seat.liar ? [at] : [])));
  }

  private get everybody(): bigint {
    return (1n << BigInt(this.game.n.participants)) - 1n;
  }

  validators(): number[] {
    return seats(this.committee & ~this.barred(this.round));
  }

  private seed(round: number): Uint8Array {
    return seedOf(this.seed0, round);
  }

  digest(
    round: number,
    parent: Uint8Array,
    phase: number,
    role: number,
    instance: number,
    content: Uint8Array,
  ): Uint8Array {
    return this.statements.digest(round, parent, phase, role, instance, content);
  }

  /** The name of the call in data; null for none that changes the game. */
  nameOf(data: Uint8Array): string | null {
    const found = Replay.selectors.get(hex(data.subarray(0, 4)).slice(2));
    return found ? found.signature.replace(/\(.*/, "") : null;
  }

  /** Whether the contract would have had to take a call that anybody may make: every rule allows it. */
  hadToTake(call: Call, bodies: Map<string, Uint8Array>): boolean {
    const found = Replay.selectors.get(hex(call.data.subarray(0, 4)).slice(2));
    const name = this.nameOf(call.data);
    if (!found || !name || !ANYBODYS.has(name) || (call.value && name !== "join")) return false;
    const copy = this.copy();
    try {
      found.handler(copy, call, call.data.subarray(4), bodies);
    } catch {
      return false;
    }
    return !copy.ledger.failures; // what stays open the contract leaves to the quorum
  }

  /** A copy that a call may change. */
  private copy(): Replay {
    const made = Object.assign(Object.create(Replay.prototype) as Replay, this, { ledger: new Ledger() });
    made.seats = this.seats.map((seat) => ({ ...seat }));
    made.byAddress = new Map(this.byAddress);
    made.rounds = [...this.rounds];
    made.nRef = [...this.nRef];
    made.reputations = [...this.reputations];
    made.proofs = [...this.proofs];
    return made;
  }

  /** Takes a call that succeeded, and holds its events against those that follow. */
  take(call: Call, logs: Log[], bodies: Map<string, Uint8Array>): void {
    const found = Replay.selectors.get(hex(call.data.subarray(0, 4)).slice(2));
    if (!found) throw new Stop("record.events", "a call succeeded that the contract does not have");
    const name = found.signature.replace(/\(.*/, "");
    if (call.value && name !== "join") throw new Stop("record.events", `${name} takes no money, and got some`);
    let expected: [Event, Value[]][];
    try {
      expected = found.handler(this, call, call.data.subarray(4), bodies);
    } catch (error) {
      if (error instanceof Refused)
        throw new Stop("record.events", `${name} succeeded, and the rules refuse it: ${error.message}`);
      if (error instanceof Stop || !(error instanceof Error) || error.name !== "Error") throw error;
      throw new Stop("record.events", `${name} succeeded with data that are none: ${error.message}`);
    }
    const fits =
      expected.length === logs.length &&
      expected.every(([event, values], at) => {
        const log = logs[at]!;
        return (
          log.topics.length === 1 &&
          same(log.topics[0]!, topic(`${event}(${EVENTS[event]})`)) &&
          same(log.data, encoded(EVENTS[event], ...values))
        );
      });
    this.ledger.hold(
      "record.events",
      fits,
      `the events of ${name} are not ${expected.map(([event]) => event).join(", ")} as the rules give them`,
    );
  }

  private refuseUnless(holds: boolean, why: string): asserts holds {
    if (!holds) throw new Refused(why);
  }

  private inTime(holds: boolean, why: string): void {
    if (!holds) throw new Stop("record.deadline", why);
    this.ledger.pass("record.deadline");
  }

  private fromEnvironment(call: Call): void {
    this.refuseUnless(same(call.sender, this.environment), "it is not the environment's");
  }

  // Before the game

  private join(call: Call, body: Uint8Array): [Event, Value[]][] {
    const [keys] = decoded("bytes", body) as [Uint8Array];
    const { participants } = this.game.n;
    this.refuseUnless(!this.isOpen, "the game is open already");
    this.inTime(
      call.block <= this.createdIn + Number(this.game.words.openingDeadline),
      "somebody joined after the opening deadline",
    );
    this.refuseUnless(this.seats.length < participants, "there is no seat left");
    this.refuseUnless(!same(call.sender, this.environment), "the environment cannot join");
    this.refuseUnless(!this.byAddress.has(key(call.sender)), "the account has a seat");
    this.refuseUnless(keys.length === 67, "its keys have not 67 bytes");
    const vrfKey = keys.subarray(0, 33);
    const weight = small(keys.subarray(65));
    const most = this.game.drawn ? 1_024 : 1;
    this.ledger.hold("game.opening", weight >= 1 && weight <= most, `a weight of ${weight} is not allowed`);
    if (this.game.drawn || this.game.commandersDrawn)
      this.ledger.hold(
        "game.opening",
        this.seats.every((seat) => !same(seat.vrfKey, vrfKey)),
        "two seats have one key for draws",
      );
    this.ledger.hold(
      "game.opening",
      call.value === this.game.words.stake * BigInt(weight),
      "a seat did not deposit its stake",
    );
    const seat = this.seats.length;
    this.seats.push({
      address: call.sender,
      vrfKey,
      sealHash: keys.subarray(33, 65),
      weight,
      sealKey: null,
      since: NEVER,
      liar: false,
      equivocated: false,
      proven: null,
      acquitted: false,
      credited: 0n,
      burnIn: 0n,
      started: false,
      charge: 0n,
      withdrawn: false,
    });
    this.byAddress.set(key(call.sender), seat);
    return [["Joined", [BigInt(seat), call.sender]]];
  }

  private open(call: Call, body: Uint8Array): [Event, Value[]][] {
    const [salt] = decoded("bytes32", body, true) as [Uint8Array];
    this.fromEnvironment(call);
    this.refuseUnless(!this.isOpen, "the game is open already");
    this.inTime(
      call.block <= this.createdIn + Number(this.game.words.openingDeadline),
      "the game was opened after its deadline",
    );
    this.refuseUnless(this.seats.length === this.game.n.participants, "seats are missing");
    this.ledger.hold(
      "reveal.commitment",
      same(keccak(salt), this.game.saltCommitment),
      "the salt is not the one committed to",
    );
    let registered: Uint8Array = ZERO;
    for (const seat of this.seats) registered = keccak(registered, seat.vrfKey, seat.sealHash, uint(seat.weight, 2));
    this.salt = salt;
    this.seed0 = keccak(...this.seats.map((seat) => seat.address), registered, salt);
    this.genesis = this.head = keccak(this.game.digest, this.seed0);
    this.openedIn = this.lastRecordIn = call.block;
    this.reputations = this.seats.map(() => FIRST_REPUTATION);
    this.committee = this.everybody;
    this.ledger.pass("game.opening");
    return [["Opened", [this.genesis]]];
  }

  // Records

  private recording(call: Call): void {
    this.refuseUnless(this.isOpen, "the game is not open");
    this.inTime(!this.isOver(call.block) && !this.closed, "something was recorded after the game's end");
  }

  private recorded(block: number): [Event, Value[]][] {
    const last = this.rounds[this.rounds.length - 1]!;
    this.lastRecordIn = block;
    const values: Value[] = [BigInt(last.round), BigInt(last.kind), last.head];
    if (!this.game.committees) return [["Recorded", values]];
    return [["RecordedWithCommittee", [...values, this.committee]]];
  }

  private submit(call: Call, body: Uint8Array, bodies: Map<string, Uint8Array>): [Event, Value[]][] {
    this.recording(call);
    const read = new Reader(body);
    let blocks = 0;
    do {
      this.recording(call);
      const block = blockOf(read, this.game, bodies);
      const where = this.ledger.where;
      this.ledger.where = `${where}, round ${this.round}`;
      if (!block.signers.length && (this.game.committees || !read.left))
        throw new Stop("certificate.quorum", `round ${this.round} has a block that nobody vouches for`);
      this.block(block, call.block);
      ++blocks;
      this.ledger.where = where;
    } while (read.left);
    this.ledger.hold(
      "record.waiting",
      BigInt(blocks - 1) <= this.game.words.unrecorded,
      `${blocks - 1} blocks waited while the last one was signed`,
    );
    return this.recorded(call.block);
  }

  /** The arm of the open round; null where this page does not compute it. */
  honestArm(): number | null {
    if (this.round <= this.game.n.burnIn || !this.inForce) return (this.t - 1) % this.game.n.arms;
    return armOf(this.game, { t: this.t, nRef: this.nRef, ...this.inForce });
  }

  private block(block: Block, number: number): void {
    const { game, ledger } = this;
    const { arms, participants } = game.n;
    const blocked = this.blocked(this.round);
    const strangers = maskOf(block.reporters) & blocked;
    ledger.hold(
      "header.body",
      !strangers &&
        block.candidates.every((set) => within(set, block.reporters)) &&
        block.selected.every((set) => within(set, block.reporters)),
      "who did not report, or is on the block list, is in a set",
    );
    const arm = this.honestArm();
    if (arm === null)
      ledger.open(
        "header.arm",
        `arms by ${game.rules.get("policy")?.name ?? "ucb1"} over ${game.rules.get("aggregation")?.name} are not computed`,
      );
    else ledger.hold("header.arm", block.arm === arm, `the arm is ${block.arm}, the rules give ${arm}`);
    const late = this.round > game.n.burnIn;
    if (game.phases) {
      const left = game.n.horizon - this.t + 1;
      const wanted = (game.words.growth * BigInt(this.nRef[block.arm]!) + BigInt(UNIT - 1)) / BigInt(UNIT);
      const length = late ? Math.max(1, Math.min(Number(wanted), left)) : 1;
      ledger.hold(
        "header.body",
        block.length === length,
        `the phase has ${block.length} pulls, the rules give ${length}`,
      );
      if (block.length < 1 || block.length > left)
        throw new Stop("header.body", "a phase is longer than what is left of the game");
    }
    let accuracies = block.accuracies;
    if (block.body) accuracies = this.body(block);
    else {
      const reason = "a body is missing in the file: its hash is in calldata, its reports are not";
      for (const check of [
        "header.body",
        "report.signature",
        "aggregate.selected",
        "aggregate.means",
        "aggregate.accuracy",
      ] as const)
        ledger.open(check, reason);
    }
    const header = headerBytes(block, this.round, this.head, blocked, accuracies!);
    const content = keccak(header);
    const validators = this.validators();
    if (block.signers.length) {
      const quorum = quorumOf(game, validators.length);
      ledger.hold(
        "certificate.quorum",
        block.signers.length >= quorum && within(block.signers, validators),
        `${block.signers.length} signed, of ${validators.length} validators; a quorum is ${quorum}`,
      );
      const digest = this.digest(this.round, this.head, 2, 3, 0, content);
      block.signers.forEach((seat, at) =>
        ledger.hold(
          "certificate.signatures",
          isSignedBy(this.seats[seat]!.address, digest, block.signatures[at]!),
          `seat ${seat} did not sign this block`,
        ),
      );
    }
    const approved = isApproved(block.means);
    ledger.hold(
      "aggregate.approval",
      !late || approved || block.means.some((mean) => mean > 2 * UNIT),
      "a block without an estimator is approved",
    );
    this.record(approved ? APPROVED : REJECTED, block, header, content, accuracies!);
    this.succeed(block, number);
    if (block.means.length !== arms || accuracies!.length !== participants)
      throw new Stop("header.body", "a header is malformed");
  }

  /** Checks a body against header and rules; gives the accuracies that follow from it, or those stated. */
  private body(block: Block): number[] {
    const { game, ledger } = this;
    const body = block.body!;
    const radii = this.nRef.map(radiusOf);
    ledger.hold(
      "header.body",
      same(keccak(body.bytes), block.bodyHash) && radii.every((radius, arm) => radius === body.radii[arm]),
      "radii are not those of the pulls so far",
    );
    const step = stepOf(game);
    const reports = new Map<number, Report>(body.reports.map((report) => [report.seat, report]));
    for (const report of body.reports) {
      const digest = this.digest(this.round, this.head, 1, 1, report.seat, keccak(report.bytes));
      ledger.hold(
        "report.signature",
        isSignedBy(this.seats[report.seat]!.address, digest, report.signature),
        `the report of seat ${report.seat} is not signed by it`,
      );
      ledger.hold(
        "report.range",
        report.means.every((mean) => mean <= UNIT && (!step || mean % step === 0)),
        `seat ${report.seat} reports more than 1, or no multiple of the disclosure's step`,
      );
      if (report.named !== null) {
        const oldest = this.oldestNamed();
        ledger.hold(
          "report.named",
          report.named >= oldest && report.named < this.round,
          `seat ${report.seat} rests on round ${report.named}, and may name ${oldest} to ${this.round - 1}`,
        );
      }
    }
    const kind = game.weighted ? "reputation" : "aggregation"; // a reputation may leave reports out
    const unknown = `the ${kind} ${game.rules.get(kind)?.name} is not computed by this page`;
    const inForce = this.inForce && this.inForce.means;
    const expected = game.weighted
      ? null
      : estimateOf(game, reports, block.candidates, this.seed(this.round), this.nRef, inForce);
    if (expected) {
      const { selected } = expected;
      const wrong = selected.findIndex((members, arm) => members.join() !== block.selected[arm]!.join());
      ledger.hold(
        "aggregate.selected",
        wrong < 0,
        `selected for arm ${wrong} are ${told(block.selected[wrong])}, the rule gives ${told(selected[wrong])}`,
      );
    } else ledger.open("aggregate.selected", unknown);
    const means = isOverASet(game) ? meansOf(body, block.selected) : expected?.means;
    if (means)
      ledger.hold(
        "aggregate.means",
        means.join() === block.means.join(),
        `estimators are ${block.means.join()}, the rule gives ${means.join()}`,
      );
    else ledger.open("aggregate.means", unknown);
    const tolerance = Number(game.words.tolerance);
    if (game.weighted) {
      ledger.open("aggregate.accuracy", unknown);
      return block.accuracies!;
    }
    const accuracies = this.seats.map((_, seat) => {
      const report = reports.get(seat);
      return report ? accuracyOf(report, block.means, body.radii, tolerance) : 0;
    });
    if (block.accuracies) {
      const wrong = accuracies.findIndex((each, seat) => each !== block.accuracies![seat]);
      ledger.hold(
        "aggregate.accuracy",
        wrong < 0,
        `the accuracy of seat ${wrong} is ${block.accuracies[wrong]}, its report gives ${accuracies[wrong]}`,
      );
      return block.accuracies;
    }
    ledger.pass("aggregate.accuracy");
    return accuracies;
  }

  private oldestNamed(): number {
    const { burnIn } = this.game.n;
    const slack = this.game.phases ? 0 : Math.floor(this.round / 16);
    return Math.max(burnIn - 1, this.round - 1 - this.inARow - slack);
  }

  private record(
    kind: number,
    block: Block | null,
    header: Uint8Array,
    content: Uint8Array,
    accuracies: number[] | null,
  ): void {
    const { game } = this;
    const { arms, burnIn } = game.n;
    const parent = this.head;
    const ruled = block && (this.honestArm() ?? block.arm);
    const arm = kind === EXPLORATION ? this.explorations++ % arms : (ruled ?? (this.t - 1) % arms);
    this.head = keccak(parent, kindWord(this.round, kind), content);
    const length = kind === APPROVED ? block!.length : 1;
    this.rounds.push({
      round: this.round,
      kind,
      t: this.t,
      length,
      arm,
      failed: this.failed,
      inARow: this.inARow,
      nRef: [...this.nRef],
      parent,
      head: this.head,
      header,
      block,
      blocked: this.blocked(this.round),
      pulls: null,
      tags: null,
      case2: null,
    });
    const lower = (seat: number, by: number): void => {
      this.reputations[seat] = Math.max(0, this.reputations[seat]! - by);
    };
    if (kind === APPROVED || kind === REJECTED)
      this.reputations = this.reputations.map((old, seat) =>
        game.weighted ? accuracies![seat]! : old - (old >> 3) + (accuracies![seat]! >> 3),
      );
    if (kind === SKIP) for (const seat of this.validators()) lower(seat, Number(game.words.skipPenalty));
    if (kind === APPROVED || kind === EXPLORATION || this.round === burnIn) this.nRef[arm]! += length;
    this.t += length;
    this.seats.forEach((seat, at) => {
      if (seat.since === this.round + 1) lower(at, Number(game.words.evidencePenalty));
    });
    if (kind === SKIP || kind === REJECTED) {
      ++this.inARow;
      ++this.failed;
    }
    if (kind === SKIP) ++this.skips;
    if (kind === APPROVED || kind === REJECTED) this.skips = 0;
    if (kind === APPROVED) {
      this.inARow = 0;
      const inFilter = filterSize(block!.candidates);
      this.inForce = { means: block!.means, worth: block!.selected.map((members) => worthOf(game, members, inFilter)) };
    }
    this.ledger.pass("record.links");
    ++this.round;
  }

  /** What follows on a record: an exploration, the next committee, the game's end. */
  private succeed(block: Block | null, number: number): void {
    const { game, ledger } = this;
    const reported = this.round - 1;
    const explores = this.inARow >= game.n.failureLimit && this.t <= game.n.horizon;
    if (explores) {
      this.record(EXPLORATION, null, new Uint8Array(), ZERO, null);
      this.inARow = 0;
    }
    const eligible = this.everybody & ~this.barred(this.round);
    if (!game.committees) this.committee = this.everybody;
    else if (game.drawn || game.chosen) {
      this.committee = eligible;
      if (block && !explores) {
        const stated = block.committee!;
        if (game.drawn) this.drawn(block, reported, stated);
        else
          ledger.open(
            "aggregate.state",
            `the selection ${game.rules.get("selection")?.name} is not computed by this page`,
          );
        this.committee = stated;
      } else if (block)
        ledger.hold("draw.committee", block.committee === eligible, "after a failed round everybody validates");
    } else {
      const best = this.best(eligible);
      if (block)
        ledger.hold(
          "committee.best",
          block.committee === best,
          `the committee is ${seats(block.committee!).join()}, the best are ${seats(best).join()}`,
        );
      this.committee = best;
    }
    if (game.commandersDrawn && block) {
      if (explores)
        ledger.hold(
          "draw.committee",
          block.commanders === (this.committee & eligible),
          "after a failed round everybody commands",
        );
      else if (!game.drawn) this.drawn(block, reported, null);
    }
    if (this.t > game.n.horizon) this.overIn = number;
  }

  private best(eligible: bigint): bigint {
    const seed = this.seed(this.round);
    const order = seats(eligible).sort(
      (one, other) =>
        this.reputations[other]! - this.reputations[one]! || (tieOf(seed, one) < tieOf(seed, other) ? -1 : 1),
    );
    return maskOf(order.slice(0, committeeSize(this.game, this.skips)));
  }

  /** Who is drawn by the proofs in a block's reports for the round after it. */
  private drawn(block: Block, round: number, stated: bigint | null): void {
    const { game, ledger } = this;
    if (!block.body) {
      ledger.open("draw.committee", "a body is missing in the file, and the proofs with it");
      return;
    }
    const input = drawInput(this.seed(round + 1));
    const barred = this.barred(round + 1);
    let validate = 0n;
    let command = 0n;
    for (const report of block.body.reports) {
      if (!report.proof || isZero(report.proof)) continue;
      const hash = vrfHash(this.seats[report.seat]!.vrfKey, input, report.proof);
      if (!hash) continue; // draws nobody, and is a report all the same
      ledger.pass("draw.proof");
      if ((barred >> BigInt(report.seat)) & 1n) continue;
      const bit = 1n << BigInt(report.seat);
      if (game.drawn && isDrawn(hash.subarray(0, 16), game.words.sortition, this.seats[report.seat]!.weight))
        validate |= bit;
      if (game.commandersDrawn && isDrawn(hash.subarray(16), game.words.commanders, 1)) command |= bit;
    }
    const everybody = this.everybody & ~this.barred(round + 1);
    let committee = this.committee;
    let all = false;
    if (game.drawn) {
      const count = seats(validate).length;
      all = count < quorumOf(game, count);
      committee = all ? everybody : validate;
      ledger.hold(
        "draw.committee",
        stated === committee,
        `the committee is ${seats(stated!).join()}, the proofs draw ${seats(committee).join()}`,
      );
    }
    if (game.commandersDrawn) {
      const commanders = all ? everybody : command & committee;
      ledger.hold(
        "draw.committee",
        block.commanders === commanders,
        `commanders are ${told(seats(block.commanders!))}, the proofs draw ${told(seats(commanders))}`,
      );
    }
  }

  private skip(call: Call, body: Uint8Array): [Event, Value[]][] {
    const [named, signers, signatures] = decoded("uint256,uint256,bytes", body) as [bigint, bigint, Uint8Array];
    this.recording(call);
    const members = seats(signers);
    const validators = this.validators();
    const quorum = quorumOf(this.game, validators.length);
    this.refuseUnless(
      signatures.length === 64 * members.length && within(members, validators),
      "its signers are no validators",
    );
    this.ledger.hold(
      "certificate.quorum",
      members.length >= quorum,
      `${members.length} signed a skip; a quorum is ${quorum}`,
    );
    const digest = this.digest(this.round, this.head, 2, 3, 0, ZERO);
    members.forEach((seat, at) =>
      this.ledger.hold(
        "certificate.signatures",
        isSignedBy(this.seats[seat]!.address, digest, signatures.subarray(64 * at, 64 * at + 64)),
        `seat ${seat} did not sign the skip`,
      ),
    );
    return this.skipped(call, named);
  }

  private skipLate(call: Call, body: Uint8Array): [Event, Value[]][] {
    const [named] = decoded("uint256", body) as [bigint];
    this.recording(call);
    const { skipDeadline, burnInBlocks } = this.game.words;
    const deadline =
      this.lastRecordIn + Number(skipDeadline) + (this.round === this.game.n.burnIn ? Number(burnInBlocks) : 0);
    this.inTime(call.block > deadline, "a round was skipped before its deadline");
    return this.skipped(call, named);
  }

  private skipped(call: Call, named: bigint): [Event, Value[]][] {
    this.record(SKIP, null, new Uint8Array(), ZERO, null);
    this.succeed(null, call.block);
    this.ledger.hold(
      "committee.best",
      named === (this.game.committees ? this.committee : 0n),
      "a skip names another committee than the rules",
    );
    return this.recorded(call.block);
  }

  // Evidence

  private proving(call: Call): void {
    this.refuseUnless(this.isOpen && !this.closed, "the game is not open");
    this.inTime(
      this.game.words.slash ? !this.isOver(call.block) || call.block <= this.proofsEnd : !this.isOver(call.block),
      "a proof was taken after its time",
    );
  }

  private list(seat: number): void {
    this.seats[seat]!.since = this.round + 3 + Number(this.game.words.unrecorded);
  }

  private equivocation(call: Call, body: Uint8Array): [Event, Value[]][] {
    const [proof] = decoded(EQUIVOCATION, body) as [Value[]];
    const [seat, round, parent, phase, role, content, r, vs, other, otherR, otherVs] = proof as [
      bigint,
      bigint,
      Uint8Array,
      bigint,
      bigint,
      ...Uint8Array[],
    ];
    this.proving(call);
    const accused = this.seats[Number(seat)];
    this.refuseUnless(accused !== undefined, "there is no such seat");
    this.refuseUnless(!same(content!, other!), "both contents are one");
    this.refuseUnless(["1,1", "2,1", "2,3"].includes(`${phase},${role}`), "nobody can equivocate in such a role");
    const instance = role === 3n ? 0 : Number(seat);
    const signed = (what: Uint8Array, a: Uint8Array, b: Uint8Array): boolean =>
      isSignedBy(
        accused.address,
        this.digest(Number(round), parent, Number(phase), Number(role), instance, what),
        concat(a, b),
      );
    this.ledger.hold(
      "evidence.proof",
      signed(content!, r!, vs!) && signed(other!, otherR!, otherVs!),
      `seat ${seat} did not sign two contents in one slot`,
    );
    this.refuseUnless(!accused.equivocated, "the seat is on the list already");
    accused.equivocated = true;
    if (accused.since === NEVER) this.list(Number(seat));
    return [["Accused", [seat, BigInt(accused.since)]]];
  }

  private falseReport(call: Call, body: Uint8Array): [Event, Value[]][] {
    const [proof] = decoded(FALSE_REPORT, body) as [Value[]];
    const [seatWord, roundWord, parent, report, r, vs, tally, through, root, rootR, rootVs, path, arm] = proof as [
      bigint,
      bigint,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      bigint,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array[],
      bigint,
    ];
    const { game } = this;
    this.proving(call);
    this.refuseUnless(game.provable, "false reports cannot be proven in this game");
    const seat = Number(seatWord);
    const round = Number(roundWord);
    const accused = this.seats[seat];
    this.refuseUnless(accused !== undefined && !accused.acquitted, "the seat does not exist, or was acquitted");
    const { arms, burnIn } = game.n;
    this.refuseUnless(
      report.length === reportBytes(game) && tally.length === 8 + 12 * arms,
      "report or tally have another length",
    );
    const read = new Reader(report);
    const means = read.numbers(arms, 4);
    const named = read.number(4);
    const commitment = read.take(32);
    this.refuseUnless(round >= burnIn && named >= burnIn - 1 && named < round, "the rounds of the proof do not fit");
    const signed = isSignedBy(accused.address, this.digest(round, parent, 1, 1, seat, keccak(report)), concat(r, vs));
    const leaf = keccak(uint(named, 4), uint(seat, 2), tally);
    let node = leaf;
    for (const beside of path) node = integer(node) < integer(beside) ? keccak(node, beside) : keccak(beside, node);
    const rooted =
      same(node, root) &&
      isSignedBy(this.environment, this.digest(Number(through), this.genesis, 3, 7, 0, root), concat(rootR, rootVs));
    const { units, counts, sums, digest } = tallyOf(tally, arms);
    const base = game.sealed ? accused.sealKey : this.seed0; // of a key that is not revealed counts stay hidden
    const salt = base && keccak(base, text("counts"), uint(round, 4), uint(seat, 2));
    const at = Number(arm); // whose mean is false; from K on the commitment is
    const isTrue =
      at < arms
        ? means[at] === floored(sums[at]!, counts[at]!)
        : !salt || same(commitment, keccak(...counts.map((count) => uint(count, 4)), salt));
    this.ledger.hold("evidence.proof", signed && rooted && !isTrue, `the proof against seat ${seat} does not hold`);
    if (rooted) this.proofs.push({ seat, named, leaf, through: Number(through), root, where: this.ledger.where });
    const before = accused.proven;
    this.refuseUnless(!before || round < before.round || units < before.kept, "the proof changes nothing");
    accused.proven = {
      round: Math.min(round, before?.round ?? NEVER),
      kept: before && before.kept < units ? before.kept : units,
      named,
      tally: digest,
    };
    const events: [Event, Value[]][] = [];
    if (accused.since === NEVER) {
      this.list(seat);
      accused.liar = true;
      events.push(["Accused", [seatWord, BigInt(accused.since)]]);
    }
    return [...events, ["Voided", [seatWord, BigInt(accused.proven.round), accused.proven.kept]]];
  }

  private acquit(call: Call, body: Uint8Array): [Event, Value[]][] {
    const [proof] = decoded(ACQUITTAL, body) as [Value[]];
    const [seatWord, parent, arm, pulls, rewards, tally, r, vs] = proof as [
      bigint,
      Uint8Array,
      bigint,
      bigint,
      bigint,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const accused = this.seats[Number(seatWord)];
    this.refuseUnless(
      accused?.proven != null && !accused.acquitted && !this.closed,
      "nothing is proven against the seat",
    );
    this.refuseUnless(!same(tally, accused.proven.tally), "the receipt has the tally of the proof");
    const receipt = this.game.phases
      ? keccak(uint(arm, 1), uint(pulls, 4), uint(rewards, 8), tally)
      : keccak(uint(arm, 1), uint(rewards & 0xffffffffn, 4), tally);
    this.ledger.hold(
      "evidence.proof",
      isSignedBy(
        this.environment,
        this.digest(accused.proven.named, parent, 3, 5, Number(seatWord), receipt),
        concat(r, vs),
      ),
      `the receipt of seat ${seatWord} is not signed by the environment`,
    );
    accused.acquitted = true;
    void call;
    return [["Acquitted", [seatWord]]];
  }

  // Settlement

  private settling(call: Call): void {
    this.fromEnvironment(call);
    this.refuseUnless(this.isOpen && !this.closed, "the game is not open, or closed");
    this.inTime(!this.isOver(call.block) || call.block <= this.shownEnd, "something was settled after the window");
  }

  private afterEnd(call: Call, shows = false): void {
    this.refuseUnless(this.isOpen && !this.closed, "the game is not open, or closed");
    this.inTime(
      this.isOver(call.block) && call.block <= (shows ? this.shownEnd : this.windowEnd),
      "a call of the settlement window was taken outside of it",
    );
  }

  private pull(read: Reader): Pull {
    const arm = read.number(1);
    const pulls = this.game.phases ? read.number(4) : arm === NO_PULL ? 0 : 1;
    return { arm, pulls, reward: read.int(this.game.phases ? 8 : 4) };
  }

  private row(read: Reader, round: number, length: number, silent: bigint): Pull[] {
    return this.seats.map((_, seat) => {
      const pull = this.pull(read);
      const none = pull.arm === NO_PULL && !pull.pulls && !pull.reward;
      const some = pull.arm < this.game.n.arms && pull.pulls === length && pull.reward <= BigInt(length) * BigInt(UNIT);
      this.ledger.hold(
        "settlement.form",
        none || (some && !((silent >> BigInt(seat)) & 1n)),
        `the settled pull of seat ${seat} in round ${round} is none`,
      );
      return pull;
    });
  }

  private settleRewards(call: Call, body: Uint8Array): [Event, Value[]][] {
    const [throughWord, data] = decoded("uint32,bytes", body) as [bigint, Uint8Array];
    this.settling(call);
    const { game } = this;
    const { burnIn, arms } = game.n;
    const through = Number(throughWord);
    this.refuseUnless(through < this.round && through >= burnIn, "it goes beyond the last recorded round");
    this.refuseUnless(through > this.settledThrough || !this.firstSettled, "it was settled already");
    const first = !this.firstSettled;
    const since = first ? burnIn : this.settledThrough + 1;
    const rounds = this.rounds.slice(since - burnIn, through - burnIn + 1);
    const paid = rounds.filter((each) => each.kind === APPROVED && each.round > burnIn);
    const read = new Reader(data);
    const credit = (seat: Seat, pull: Pull): void => {
      if (pull.arm === NO_PULL) return;
      if (!seat.started) seat.credited += seat.burnIn;
      seat.started = true;
      seat.credited += pull.reward;
    };
    if (first && game.words.paidBurnIn)
      for (let round = 1; round <= burnIn; ++round) {
        const row = this.row(read, round, 1, 0n);
        row.forEach((pull, seat) => (this.seats[seat]!.burnIn += pull.arm === NO_PULL ? 0n : pull.reward));
        this.given(round, (round - 1) % arms, row);
      }
    for (const each of paid) {
      if (game.sealed) {
        each.tags = this.seats.map(() => read.take(8));
        continue;
      }
      const silent = game.provable ? this.everybody & ~maskOf(each.block!.reporters) : 0n;
      each.pulls = this.row(read, each.round, each.length, silent | each.blocked);
      each.pulls.forEach((pull, seat) => credit(this.seats[seat]!, pull));
    }
    if (game.provable && !game.sealed) {
      const root = this.root(read, first ? burnIn - 1 : since, through);
      if (first && !game.words.paidBurnIn)
        for (let round = 1; round <= burnIn; ++round)
          this.given(round, (round - 1) % arms, this.row(read, round, 1, 0n));
      for (const each of rounds)
        if (each.kind === EXPLORATION)
          this.given(each.round, each.arm, (each.pulls = this.row(read, each.round, 1, 0n)));
      this.settlements.push(root);
    }
    this.refuseUnless(!read.left, "there is more than the rounds that are settled");
    this.firstSettled = true;
    this.settledThrough = through;
    const sums = game.sealed ? new Uint8Array() : concat(...this.seats.map((seat) => uint(seat.credited, 8)));
    return [["RewardsSettled", [throughWord, sums]]];
  }

  /** What a settlement binds of its rounds' tallies: in a sealed game the sums alone do. */
  private root(read: Reader, first: number, through: number): Settlement {
    const root = read.take(32);
    const signature = read.take(64);
    this.ledger.hold(
      "settlement.tallies",
      isSignedBy(this.environment, this.digest(through, this.genesis, 3, 7, 0, root), signature),
      "the root of the tallies is not signed by the environment",
    );
    return { first, through, root, signature };
  }

  /** A row of a round that everybody had to observe. */
  private given(round: number, arm: number, row: Pull[]): void {
    row.forEach((pull, seat) =>
      this.ledger.hold(
        "settlement.form",
        pull.arm === arm,
        `seat ${seat} was given arm ${pull.arm} in round ${round}, not ${arm}`,
      ),
    );
    this.rows.set(round, row);
  }

  private settleSums(call: Call, body: Uint8Array): [Event, Value[]][] {
    const [data] = decoded("bytes", body) as [Uint8Array];
    this.fromEnvironment(call);
    this.afterEnd(call, true);
    this.refuseUnless(this.game.sealed && !this.summed, "sums are those of a sealed game, once");
    this.refuseUnless(this.isSettled(), "not all rounds are settled");
    const size = 8 * this.seats.length;
    this.refuseUnless(data.length === size + (this.game.provable ? 96 : 0), "there is not a sum a seat");
    const read = new Reader(data);
    this.sums = this.seats.map((seat, at) => {
      const sum = read.int(8);
      const rounds = this.rounds.filter(
        (each) => each.kind === APPROVED && each.round > this.game.n.burnIn && each.round < seat.since,
      );
      this.ledger.hold(
        "settlement.sums",
        sum <= BigInt(rounds.length) * BigInt(UNIT),
        `seat ${at} is paid more than it can have earned`,
      );
      return (seat.credited = sum);
    });
    if (this.game.provable) this.settlements.push(this.root(read, this.game.n.burnIn - 1, this.settledThrough));
    this.summed = true;
    return [["RewardsSettled", [BigInt(this.settledThrough), data.slice(0, size)]]];
  }

  private revealSeal(call: Call, body: Uint8Array): [Event, Value[]][] {
    const [sealKey] = decoded("bytes32", body) as [Uint8Array];
    this.afterEnd(call, true);
    const seat = this.byAddress.get(key(call.sender));
    this.refuseUnless(
      this.game.sealed && seat !== undefined && !this.seats[seat]!.sealKey,
      "the account has no key to reveal",
    );
    this.ledger.hold(
      "seal.keys",
      same(keccak(sealKey), this.seats[seat]!.sealHash),
      `the key of seat ${seat} is not the registered one`,
    );
    this.seats[seat]!.sealKey = sealKey;
    return [["SealRevealed", [BigInt(seat), sealKey]]];
  }

  private reveal(call: Call, body: Uint8Array): [Event, Value[]][] {
    const [secret, roles, model] = decoded("bytes32,bytes,bytes", body) as [Uint8Array, Uint8Array, Uint8Array];
    this.fromEnvironment(call);
    this.afterEnd(call, this.game.sealed);
    this.refuseUnless(!this.secret, "it was revealed already");
    this.ledger.hold(
      "reveal.commitment",
      same(keccak(secret, keccak(roles), keccak(model)), this.game.secretCommitment),
      "secret, roles or model are not those committed to",
    );
    this.refuseUnless(roles.length === this.seats.length && roles.every((role) => role < 4), "the roles are none");
    this.secret = secret;
    this.roles = roles;
    this.model = modelOf(model, this.game.n.arms);
    if (this.game.words.cost === 1n) this.refuseUnless(this.model !== null, "the model cannot be read");
    const drawn = integer(keccak(secret, this.seed0, text("cost"))) % BigInt(UNIT + 1);
    this.cost = this.game.provable ? 0n : drawn;
    this.ledger.pass("reveal.cost");
    return [["Revealed", [this.cost]]];
  }

  private settleCosts(call: Call, body: Uint8Array): [Event, Value[]][] {
    const [records] = decoded(RECORDS, body) as [[Uint8Array, bigint, bigint, Uint8Array][]];
    this.fromEnvironment(call);
    this.afterEnd(call);
    if (this.game.words.slash)
      this.inTime(call.block > this.proofsEnd, "costs were settled before the time of proofs was over");
    this.refuseUnless(this.secret !== null, "the environment has not revealed its secret");
    for (const [parent, kindWord_, case2, header] of records) {
      const next = (this.costsDown ?? this.round) - 1;
      const record = this.rounds[next - this.game.n.burnIn];
      this.refuseUnless(record !== undefined, "there is no record left");
      const kind = Number(kindWord_);
      const content = kind === APPROVED || kind === REJECTED ? keccak(header) : ZERO;
      const head = keccak(parent, kindWord(next, kind), content);
      this.ledger.hold(
        "costs.records",
        same(head, record.head) && same(header, record.header),
        `the record of round ${next} is another one`,
      );
      record.case2 = case2 === 1n;
      this.costsDown = next;
      if (!record.case2) continue;
      const someLiar =
        kind === APPROVED && record.block!.selected.some((set) => set.some((seat) => this.roles![seat]! & 1));
      this.ledger.hold("costs.case", someLiar, `round ${next} is said to be in case 2, and no liar is selected in it`);
      ++this.case2Rounds;
      this.charge(record);
    }
    return [["CostsSettled", [BigInt(this.costsDown ?? this.round), BigInt(this.case2Rounds)]]];
  }

  private charge(record: Round): void {
    if (!record.block) return;
    let cost = this.cost;
    if (this.game.words.cost === 1n) {
      const mean = BigInt(record.block.means[record.block.arm]!);
      const truth = meanOf(this.model![record.block.arm]!);
      const away = mean > truth ? mean - truth : truth - mean;
      const cut = away < BigInt(UNIT) ? away : BigInt(UNIT);
      cost = (this.cost * cut * cut) / 10n ** 18n;
    }
    cost *= BigInt(record.length);
    for (const seat of this.seats) if (seat.since > record.round) seat.charge += cost;
  }

  // Money

  private isSettled(): boolean {
    return this.rounds.every((each) => each.kind !== APPROVED || each.round <= this.settledThrough);
  }

  get isComplete(): boolean {
    return (
      this.secret !== null &&
      this.isSettled() &&
      (!this.game.sealed || this.summed) &&
      (!this.rounds.length || this.costsDown === this.game.n.burnIn)
    );
  }

  private close(call: Call): [Event, Value[]][] {
    const { words } = this.game;
    this.refuseUnless(this.isOpen && !this.closed, "the game is not open, or closed already");
    this.inTime(this.isOver(call.block), "the game was closed before its end");
    const keysMissing = this.game.sealed && this.seats.some((seat) => !seat.sealKey);
    if (!this.isComplete || keysMissing || words.slash)
      this.inTime(call.block > this.windowEnd, "the game was closed before the end of its window");
    const complete = this.isComplete;
    const wei = words.weiPerUnit;
    let burned = 0n;
    let rewards = 0n;
    for (const seat of this.seats) {
      rewards += seat.credited;
      burned += this.voided(seat) * wei + this.penalties(seat);
    }
    let environment = this.pool - rewards * wei;
    let share = 0n;
    if (complete) {
      let balance = 0n;
      this.seats.forEach((seat, at) => (balance += this.roles![at] ? seat.charge : -seat.charge));
      if (balance > 0n) environment -= balance * wei;
      else burned -= balance * wei;
    } else {
      const heirs = this.seats.filter((seat) => this.isHeir(seat)).length;
      share = heirs ? environment / BigInt(heirs) : 0n;
      burned += environment - share * BigInt(heirs);
      environment = 0n;
    }
    this.closed = { void: !complete, burned, share, environment };
    this.ledger.pass("money.close");
    return [["Closed", [complete ? 0n : 1n, burned]]];
  }

  private voided(seat: Seat): bigint {
    return seat.proven && !seat.acquitted && seat.credited > seat.proven.kept ? seat.credited - seat.proven.kept : 0n;
  }

  private isHeir(seat: Seat): boolean {
    return seat.since === NEVER || (seat.acquitted && !seat.equivocated);
  }

  private penalties(seat: Seat): bigint {
    const { unrevealedPenalty, slash } = this.game.words;
    return (this.game.sealed && !seat.sealKey ? unrevealedPenalty : 0n) + (this.isHeir(seat) ? 0n : slash);
  }

  private withdraw(call: Call): [Event, Value[]][] {
    const { words } = this.game;
    const at = this.byAddress.get(key(call.sender));
    const isEnvironment = same(call.sender, this.environment);
    this.refuseUnless(at !== undefined || isEnvironment, "nothing is owed to the account");
    const seat = at === undefined ? null : this.seats[at]!;
    let owed: bigint;
    if (!this.isOpen) {
      this.inTime(
        call.block > this.createdIn + Number(words.openingDeadline),
        "somebody withdrew before the opening deadline",
      );
      owed = seat ? words.stake * BigInt(seat.weight) : this.pool;
    } else {
      this.inTime(this.closed !== null, "somebody withdrew before the closing");
      if (!seat) owed = this.closed!.environment;
      else {
        const units =
          seat.credited - this.voided(seat) + (this.closed!.void ? 0n : this.roles![at!] ? seat.charge : -seat.charge);
        owed =
          words.stake * BigInt(seat.weight) +
          units * words.weiPerUnit -
          this.penalties(seat) +
          (this.closed!.void && this.isHeir(seat) ? this.closed!.share : 0n);
      }
    }
    this.refuseUnless(seat ? !seat.withdrawn : !this.environmentWithdrew, "the account has withdrawn already");
    this.refuseUnless(owed > 0n, "nothing is owed to the account");
    if (seat) seat.withdrawn = true;
    else this.environmentWithdrew = true;
    this.ledger.pass("money.balances");
    return [["Withdrawn", [call.sender, owed]]];
  }
}

const told = (members: number[] | undefined): string => members?.join() || "none";

const within = (some: number[], all: number[]): boolean => some.every((each) => all.includes(each));

export const floored = (sum: bigint, count: number): number => (count ? Number(sum / BigInt(count)) : 0);

/** A tally's units, counts and sums, and the digest that receipts carry of the latter two. */
function tallyOf(
  bytes: Uint8Array,
  arms: number,
): { units: bigint; counts: number[]; sums: bigint[]; digest: Uint8Array } {
  const read = new Reader(bytes);
  const units = read.int(8);
  return {
    units,
    counts: read.numbers(arms, 4),
    sums: Array.from({ length: arms }, () => read.int(8)),
    digest: keccak(bytes.subarray(8)),
  };
}
