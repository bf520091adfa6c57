/** What is checked once secrets are opened: rewards, reports, commitments, bits, tallies, costs (docs/protocol.md). */

import { gcmsiv } from "@noble/ciphers/aes.js";

import { concat, integer, keccak, maskOf, same, text, uint } from "./bytes.js";
import type { Report } from "./blocks.js";
import type { Check, Ledger } from "./checks.js";
import { Draws } from "./draws.js";
import { APPROVED, EXPLORATION, floored, NO_PULL, type Proof, type Pull, type Replay, type Round } from "./replay.js";
import { saidOf } from "./rules.js";

const LIVE = keccak(text("chain-bandit/live-rewards/1"));
const DECLARED = keccak(text("chain-bandit/self-declared/1"));

/** Whether every pull of every arm is one whole reward. */
const isFlat = (model: Replay["model"]): boolean =>
  model?.every(({ rewards, counts }) => rewards.join() === "1000000000" && counts.join() === "1") ?? false;

/** What a report rests on. */
interface Ground {
  counts: number[];
  sums: bigint[];
  /** The last receipt. */
  last: Pull | null;
}

interface Tally extends Ground {
  units: bigint;
}

/** Checks everything that needs opened secrets, in the order of the rounds. */
export async function checkOpened(replay: Replay, pause: () => Promise<void>): Promise<void> {
  const { game, ledger } = replay;
  holdRoots(replay);
  const opened = replay.secret !== null;
  if (!opened || !replay.model || !replay.isOpen) {
    const reason = opened ? "the revealed reward model cannot be read" : "the environment has not revealed its secret";
    for (const check of [
      "settlement.rewards",
      "honest.arm",
      "honest.report",
      "counts.commitment",
      "counts.bits",
      "costs.case",
    ] as const)
      ledger.open(check, reason);
    if (game.sealed) ledger.open("settlement.tags", reason);
    if (!opened) ledger.open("reveal.cost", reason);
    if (game.provable && game.sealed) ledger.open("settlement.tallies", reason);
    if (!game.provable || game.sealed) return;
  }
  await new Opened(replay).run(pause);
}

/** The environment signs one root for a settlement, of what was never settled a proof may have any; and one tally. */
function holdRoots({ ledger, proofs, seats, settlements }: Replay): void {
  seats.forEach(({ acquitted, proven }, seat) => {
    if (acquitted)
      ledger.fail(
        "settlement.tallies",
        `the environment signed two tallies of seat ${seat} after round ${proven!.named}: one acquits it of the other`,
      );
  });
  for (const { through, root, where } of proofs)
    for (const settled of settlements.filter((each) => each.through === through))
      ledger.at(where, () => {
        ledger.hold(
          "settlement.tallies",
          same(settled.root, root),
          `the environment signed two roots of the settlement through round ${through}, one under this proof`,
        );
      });
}

class Opened {
  private readonly ledger: Ledger;
  private readonly draws: Draws | null;
  private readonly live: boolean;
  /** Whether participants observe rewards that nobody else sees, and are paid alike for every pull. */
  private readonly declared: boolean;
  private readonly tallies: Tally[];
  private readonly history = new Map<number, Ground[]>();
  /** Seats of which some pull does not open. */
  private readonly lost = new Set<number>();
  private readonly noted = new Map<number, Uint8Array[]>();
  private started: boolean[];
  private burnIn: bigint[];
  /** Whether all roots are those that follow. */
  private rooted: boolean;
  /** How many proofs were held against a tally. */
  private held = 0;
  private plainCommitments = 0;
  private otherCommitments = 0;

  constructor(private readonly replay: Replay) {
    this.ledger = replay.ledger;
    const unlabelled = replay.secret !== null && replay.roles!.every((role) => !role);
    this.live = unlabelled && same(replay.secret!, LIVE);
    const { sealed, provable } = replay.game;
    this.declared = unlabelled && same(replay.secret!, DECLARED) && !sealed && !provable && isFlat(replay.model);
    this.draws =
      replay.secret && replay.model && !this.live ? new Draws(replay.secret, replay.seed0, replay.model) : null;
    const { arms } = replay.game.n;
    this.tallies = replay.seats.map(() => ({
      units: 0n,
      counts: Array(arms).fill(0),
      sums: Array(arms).fill(0n),
      last: null,
    }));
    this.rooted = replay.settlements.length > 0;
    this.started = replay.seats.map(() => false);
    this.burnIn = replay.seats.map(() => 0n);
  }

  /** Whether receipts of rounds that everybody observes are known. */
  private get knowsUnasked(): boolean {
    return (
      this.draws !== null ||
      (this.replay.game.provable && !this.replay.game.sealed) ||
      this.replay.game.words.paidBurnIn > 0n
    );
  }

  async run(pause: () => Promise<void>): Promise<void> {
    const { replay } = this;
    const { arms, burnIn } = replay.game.n;
    for (let round = 1; round < burnIn; ++round) this.unasked(round, round, (round - 1) % arms, 0);
    this.remember(burnIn - 1);
    for (const each of replay.rounds) {
      if (each.block?.body) for (const report of each.block.body.reports) this.report(each, report);
      if (each.kind === APPROVED && each.round > burnIn) this.costs(each);
      if (each.round === burnIn || each.kind === EXPLORATION) this.unasked(each.round, each.t, each.arm, each.failed);
      else if (each.kind === APPROVED) this.settled(each);
      this.remember(each.round);
      if (each.round % 64 === 0) await pause();
    }
    this.sums();
    this.roots();
    if (this.held < replay.proofs.length)
      this.ledger.open("evidence.proof", "the tally that a proven report names is not known");
    if (this.otherCommitments && !this.plainCommitments)
      this.ledger.open("counts.commitment", "commitments are to shares among parties, which this page does not open");
    else if (this.otherCommitments)
      this.ledger.fail(
        "counts.commitment",
        `${this.otherCommitments} commitments of honest seats are not those of their pulls`,
      );
    this.doubt();
  }

  /**
   * Reports and arms are held against the receipts that follow from settlements and draws: where a root is not that of
   * their tallies, or there is none, the environment may have given others, and nobody is to blame.
   */
  private doubt(): void {
    if (!this.replay.game.provable || this.rooted) return;
    for (const check of ["honest.arm", "honest.report", "counts.commitment", "seal.records"] as const)
      this.ledger.reopen(
        check,
        "the tallies that follow are not those that the environment signed: what it gave a seat is not known",
      );
  }

  private give(seat: number, pull: Pull, paid: boolean): void {
    const tally = this.tallies[seat]!;
    if (pull.arm === NO_PULL) return;
    tally.last = pull;
    tally.counts[pull.arm]! += pull.pulls;
    tally.sums[pull.arm]! += pull.reward;
    if (!paid) return;
    if (!this.started[seat]) tally.units += this.burnIn[seat]!;
    this.started[seat] = true;
    tally.units += pull.reward;
  }

  /** A round whose receipt everybody is handed. */
  private unasked(round: number, t: number, arm: number, failed: number): void {
    const row = this.replay.rows.get(round);
    this.replay.seats.forEach((_, seat) => {
      const drawn = this.draws?.reward(t, seat, arm, failed);
      if (row) {
        const pull = row[seat]!;
        if (drawn !== undefined && pull.arm !== NO_PULL)
          this.ledger.hold(
            "settlement.rewards",
            pull.reward === drawn,
            `seat ${seat} was given ${pull.reward} in round ${round}, the draw is ${drawn}`,
          );
        if (this.replay.game.words.paidBurnIn && round <= this.replay.game.n.burnIn && pull.arm !== NO_PULL)
          this.burnIn[seat]! += pull.reward;
        this.give(seat, pull, false);
      } else if (drawn !== undefined) {
        this.give(seat, { arm, pulls: 1, reward: drawn }, false);
      }
    });
  }

  private reward(each: Round, seat: number, arm: number): bigint {
    let sum = 0n;
    for (let at = 0; at < each.length; ++at) sum += this.draws!.reward(each.t + at, seat, arm, each.failed);
    return sum;
  }

  private settled(each: Round): void {
    const { replay, ledger } = this;
    if (each.tags && this.draws) each.pulls = this.untagged(each);
    if (!each.pulls) {
      ledger.open("settlement.rewards", "an approved round is not settled");
      replay.seats.forEach((_, seat) => this.lost.add(seat));
      return;
    }
    const silent = replay.game.provable ? ~maskOf(each.block!.reporters) : 0n;
    each.pulls.forEach((pull, seat) => {
      if (pull.arm !== NO_PULL) {
        if (each.tags)
          ledger.hold(
            "settlement.rewards",
            (((silent | each.blocked) >> BigInt(seat)) & 1n) === 0n,
            `seat ${seat} was paid in round ${each.round}, and is on the block list or did not report`,
          );
        if (replay.game.provable)
          ledger.hold(
            "settlement.rewards",
            pull.arm === each.block!.arm,
            `seat ${seat} was paid for arm ${pull.arm} in round ${each.round}, not for the block's, ${each.block!.arm}`,
          );
        if (this.draws && !each.tags) {
          const drawn = this.reward(each, seat, pull.arm);
          ledger.hold(
            "settlement.rewards",
            pull.reward === drawn,
            `seat ${seat} was settled ${pull.reward} in round ${each.round}, the draw is ${drawn}`,
          );
        } else if (this.live)
          ledger.trust("settlement.rewards", "amounts of live rewards rest on the environment's signature");
        if (replay.roles && !this.live && !this.declared && !replay.roles[seat] && !this.isUnknown(seat))
          ledger.hold(
            "honest.arm",
            pull.arm === each.arm,
            `seat ${seat}, labelled honest, pulled arm ${pull.arm} in round ${each.round}, not ${each.arm}`,
          );
      }
      this.give(seat, pull, true);
    });
  }

  private untagged(each: Round): Pull[] {
    const { replay } = this;
    return each.tags!.map((tag, seat) => {
      for (let arm = -1; arm < replay.game.n.arms; ++arm) {
        const pull =
          arm < 0 ? { arm: NO_PULL, pulls: 0, reward: 0n } : { arm, pulls: 1, reward: this.reward(each, seat, arm) };
        const digest = keccak(
          replay.secret!,
          replay.seed0,
          text("receipt"),
          uint(each.round, 4),
          uint(seat, 2),
          uint(pull.arm, 1),
          uint(pull.reward, 4),
        );
        if (!same(digest.subarray(0, 8), tag)) continue;
        this.ledger.pass("settlement.tags");
        return pull;
      }
      this.ledger.fail("settlement.tags", `the tag of seat ${seat} in round ${each.round} opens to no pull`);
      this.lost.add(seat);
      return { arm: NO_PULL, pulls: 0, reward: 0n };
    });
  }

  private remember(round: number): void {
    const { replay } = this;
    if (!replay.game.provable) return;
    this.history.set(
      round,
      this.tallies.map(({ counts, sums, last }) => ({ counts: [...counts], sums: [...sums], last })),
    );
    this.noted.set(
      round,
      this.tallies.map((tally, seat) =>
        keccak(
          uint(round, 4),
          uint(seat, 2),
          uint(tally.units, 8),
          ...tally.counts.map((count) => uint(count, 4)),
          ...tally.sums.map((sum) => uint(sum, 8)),
        ),
      ),
    );
    if (replay.firstSettled && round <= replay.settledThrough && this.knowsUnasked)
      replay.proofs
        .filter((proof) => proof.named === round && !this.lost.has(proof.seat))
        .forEach((proof) => {
          this.hold(proof);
        });
  }

  /** A proof rests on the tally that follows from the settlements, whatever the environment signed. */
  private hold({ seat, named, leaf, where }: Proof): void {
    ++this.held;
    this.ledger.at(where, () => {
      this.ledger.hold(
        "evidence.proof",
        same(this.noted.get(named)![seat]!, leaf),
        `the tally of seat ${seat} after round ${named} is another one than that of this proof`,
      );
    });
  }

  /** What a report rests on: the tally that it names, or the last one. */
  private ground(report: Report): Ground | null {
    if (report.named === null) return this.tallies[report.seat]!;
    return this.history.get(report.named)?.[report.seat] ?? null;
  }

  /** Whether it is not known what a seat was given: of who was acquitted the environment signed two tallies. */
  private isUnknown(seat: number): boolean {
    return this.lost.has(seat) || this.replay.seats[seat]!.acquitted;
  }

  /** Whether this page computes what reports say. */
  private get isComputed(): boolean {
    return saidOf(this.replay.game, 0) !== null;
  }

  private isTrue(report: Report): boolean | null {
    const ground = this.ground(report);
    if (!this.isComputed || !ground || !this.knowsUnasked || this.isUnknown(report.seat)) return null;
    const { game } = this.replay;
    return report.means.every((said, arm) => said === saidOf(game, floored(ground.sums[arm]!, ground.counts[arm]!)));
  }

  private report(each: Round, report: Report): void {
    const { replay, ledger } = this;
    const { seat } = report;
    const unlabelled = !replay.roles || this.live || this.declared;
    const honest = !unlabelled && !replay.roles![seat];
    if (report.sealed) this.sealed(each, report, honest);
    if (unlabelled) {
      if (this.live) ledger.trust("honest.report", "with live rewards nobody is labelled honest");
      if (this.declared)
        ledger.trust("honest.report", "reports of self-declared rewards rest on their participants' own word");
      return;
    }
    const liar = (replay.roles![seat]! & 1) > 0;
    if (!liar) {
      const told = this.isTrue(report);
      if (told === null) this.openReport("honest.report", seat);
      else if (honest)
        ledger.hold(
          "honest.report",
          told,
          `the report of seat ${seat} in round ${each.round} does not follow from its receipts`,
        );
    }
    const ground = this.ground(report);
    const base = replay.game.sealed ? replay.seats[seat]!.sealKey : replay.seed0;
    if (!base || !ground || this.isUnknown(seat)) {
      this.openReport("counts.commitment", seat);
      return;
    }
    const salt = keccak(base, text("counts"), uint(each.round, 4), uint(seat, 2));
    const opens = same(report.commitment, keccak(...ground.counts.map((count) => uint(count, 4)), salt));
    if (opens) ++this.plainCommitments;
    else if (honest) ++this.otherCommitments;
    if (opens) ledger.pass("counts.commitment");
    if (!opens && (!honest || replay.game.provable)) return; // the bits rest on the quorum's word then
    each.block!.candidates.forEach((members, arm) => {
      const enough = replay.game.words.threshold * BigInt(ground.counts[arm]!) > BigInt(each.nRef[arm]!);
      ledger.hold(
        "counts.bits",
        members.includes(seat) === enough,
        `the bit of seat ${seat} for arm ${arm} in round ${each.round} is not that of its pulls`,
      );
    });
  }

  private openReport(check: Check, seat: number): void {
    const disclosure = this.replay.game.rules.get("disclosure")?.name;
    if (!this.isComputed && check === "honest.report")
      this.ledger.open(check, `reports by the disclosure ${disclosure} are not computed by this page`);
    else if (this.replay.game.sealed && !this.replay.seats[seat]!.sealKey)
      this.ledger.open(check, "a seat has not revealed its sealing key");
    else if (this.replay.seats[seat]!.acquitted)
      this.ledger.open(check, "the environment signed two tallies for a seat, and which one it follows is not known");
    else this.ledger.open(check, "the receipts that a report rests on are not in the history");
  }

  private sealed(each: Round, report: Report, honest: boolean): void {
    const { replay, ledger } = this;
    const key = replay.seats[report.seat]!.sealKey;
    if (!key) {
      ledger.open("seal.records", `seat ${report.seat} has not revealed its sealing key`);
      return;
    }
    if (!this.draws) return;
    const nonce = keccak(replay.game.digest, text("seal"), uint(each.round, 4), uint(report.seat, 2)).subarray(0, 12);
    let record: Uint8Array | null = null;
    try {
      record = gcmsiv(key, nonce).decrypt(report.sealed!);
    } catch {
      record = null;
    }
    if (!honest || this.isUnknown(report.seat)) return;
    const last = this.ground(report)?.last;
    const expected = concat(uint(last?.arm ?? NO_PULL, 1), uint(last?.reward ?? 0n, 4));
    ledger.hold(
      "seal.records",
      record !== null && integer(record) === integer(expected),
      `the sealed record of seat ${report.seat} in round ${each.round} is not its last receipt`,
    );
  }

  /** Whether a round is in case 2 as the settlement says. */
  private costs(each: Round): void {
    const { replay, ledger } = this;
    if (each.case2 === null || !replay.roles) {
      if (replay.closed && !replay.closed.void) ledger.open("costs.case", "a round was not handed back for the costs");
      return;
    }
    if (this.live || this.declared) {
      ledger.hold("costs.case", !each.case2, `round ${each.round} is in case 2 in a game without roles`);
      return;
    }
    if (!each.block!.body) {
      ledger.open("costs.case", "a body is missing in the file");
      return;
    }
    let unknown = false;
    const case2 = each.block!.body.reports.some((report) => {
      const liar = replay.roles![report.seat]! & 1;
      if (!liar || !each.block!.selected.some((members) => members.includes(report.seat))) return false;
      const told = this.isTrue(report);
      if (told === null) unknown = true;
      return told === false;
    });
    if (unknown && !case2) ledger.open("costs.case", "the receipts of a liar are not known to this page");
    else
      ledger.hold(
        "costs.case",
        each.case2 === case2,
        `round ${each.round} is said to be ${each.case2 ? "" : "not "}in case 2`,
      );
  }

  private sums(): void {
    const { replay } = this;
    if (!replay.sums) return;
    replay.sums.forEach((sum, seat) => {
      if (this.lost.has(seat) || !this.draws) this.ledger.open("settlement.sums", "pulls of a seat are not known");
      else
        this.ledger.hold(
          "settlement.sums",
          sum === this.tallies[seat]!.units,
          `seat ${seat} was paid ${sum} units, its pulls gave ${this.tallies[seat]!.units}`,
        );
    });
  }

  private roots(): void {
    for (const { first, through, root } of this.replay.settlements) {
      let level: Uint8Array[] = [];
      for (let round = first; round <= through; ++round) level.push(...(this.noted.get(round) ?? []));
      while (level.length > 1) {
        const above: Uint8Array[] = [];
        for (let at = 0; at < level.length; at += 2) {
          const [one, other] = [level[at]!, level[at + 1]];
          above.push(!other ? one : integer(one) < integer(other) ? keccak(one, other) : keccak(other, one));
        }
        level = above;
      }
      const holds = this.ledger.hold(
        "settlement.tallies",
        level.length === 1 && same(level[0]!, root),
        `the root of the tallies through round ${through} is another one`,
      );
      this.rooted &&= holds;
    }
  }
}
