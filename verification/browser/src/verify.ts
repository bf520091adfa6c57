/** The verdict on an export: chain first, then the game that is played on it. */

import { hex, same } from "./bytes.js";
import {
  bloomOf,
  createdBy,
  headerOf,
  key,
  receiptOf,
  transactionOf,
  type Header,
  type Log,
  type Receipt,
  type Transaction,
} from "./chain.js";
import { CHECKS, Ledger, Stop, Unknown, type Check, type Tally, type Verdict } from "./checks.js";
import { BadFile, blockOf, lines, originOf, unpacked, type Origin, type RawBlock } from "./export_file.js";
import { mayHaveRunOut } from "./gas.js";
import { gameOf, isOf, isShipped, type Code, type Game, type Shipped } from "./parameters.js";
import { checkOpened } from "./opened.js";
import { checkParameters } from "./bounds.js";
import { Replay } from "./replay.js";
import { rootOf } from "./trie.js";
import { keccak } from "./bytes.js";

export interface Result {
  verdict: Verdict;
  /** Every check of `CHECKS` that had anything to look at. */
  checks: { id: Check; proves: string; tally: Tally }[];
  facts: { name: string; value: string }[];
  head: string | null;
}

export interface Options {
  shipped: Shipped;
  /** The code of agreements on tokens. */
  agreements: Code;
  /** Signatures of the contract's calls that change nothing, as selectors. */
  views: Set<string>;
  /** The kept hash of the last block, 0x…; null where nobody kept it. */
  head: Uint8Array | null;
  /** Told how much of the file was read, 0 to 1; waits for the page to draw. */
  progress: (share: number) => Promise<void>;
}

/** Looks at a file. Never throws on what is in it. */
export async function verify(file: Uint8Array, options: Options): Promise<Result> {
  const ledger = new Ledger();
  const reader = new History(ledger, options);
  try {
    await reader.read(file);
  } catch (error) {
    if (error instanceof BadFile) ledger.unreadable(error.message);
    else ledger.open("file.form", `${ledger.where}: this page cannot follow the file (${(error as Error).message})`);
  }
  const checks = (Object.keys(CHECKS) as Check[]).flatMap((id) => {
    const tally = ledger.tallies.get(id);
    return tally ? [{ id, proves: CHECKS[id], tally }] : [];
  });
  return { verdict: ledger.verdict, checks, facts: reader.facts(), head: reader.last ? hex(reader.last.hash) : null };
}

class History {
  last: Header | null = null;
  private origin: Origin | null = null;
  private blocks = 0;
  private replay: Replay | null = null;
  private game: Game | null = null;
  /** Why nothing more is replayed. */
  private ended: string | null = null;
  private readonly nonces = new Map<string, bigint>();
  private readonly mayHaveCode = new Set<string>();
  /** Accounts that certainly have no code: their first number is here, or the contract took a call of theirs. */
  private readonly plain = new Set<string>();
  private readonly seen = new Set<string>();

  constructor(
    private readonly ledger: Ledger,
    private readonly options: Options,
  ) {}

  async read(file: Uint8Array): Promise<void> {
    const { ledger, options } = this;
    const plain = await unpacked(file);
    let read = 0;
    for (const line of lines(plain)) {
      read += line.length + 1;
      if (!this.origin) {
        ledger.where = "line 1";
        this.origin = originOf(line);
        continue;
      }
      ledger.where = `line ${this.blocks + 2}`;
      const raw = blockOf(line);
      ledger.where = `block ${this.origin.firstBlock + this.blocks}`;
      this.block(raw);
      ++this.blocks;
      if (this.blocks % 8 === 0) await options.progress(read / plain.length);
    }
    ledger.where = "the file";
    if (!this.origin) throw new BadFile("it is empty");
    if (!this.blocks) throw new BadFile("it has no block");
    ledger.pass("file.form");
    ledger.where = "the last block";
    if (!options.head) ledger.trust("chain.head", "no hash was given; who made the file may have left out its end");
    else
      ledger.hold(
        "chain.head",
        same(options.head, this.last!.hash),
        "the last block has another hash than the one you kept",
      );
    ledger.where = "the game";
    if (!this.replay && !this.ended) ledger.fail("game.code", "the first block does not create the contract");
    if (this.ended) ledger.open("record.events", this.ended);
    if (this.replay && !this.ended) {
      await checkOpened(this.replay, () => options.progress(1));
      if (!this.replay.closed) ledger.open("money.close", "the game is not closed, at the end of this file");
      else if (this.replay.closed.void) ledger.open("costs.case", "the game was closed without costs");
    }
  }

  private block(raw: RawBlock): void {
    const { ledger } = this;
    let header: Header;
    try {
      header = headerOf(raw.header);
    } catch (error) {
      throw new BadFile(`the header of ${ledger.where} is malformed: ${(error as Error).message}`);
    }
    const parent = this.last;
    const number = this.origin!.firstBlock + this.blocks;
    const linked =
      header.number === number &&
      (!parent || same(header.parent, parent.hash)) &&
      header.time >= (parent?.time ?? 1n) &&
      header.time > 0n &&
      header.gasLimit > 0n &&
      header.gasUsed <= header.gasLimit;
    ledger.hold("chain.links", linked, "it does not follow on the block before it");
    this.last = header;
    ledger.hold(
      "chain.transactions",
      same(rootOf(raw.transactions), header.transactionsRoot),
      "its transactions are not those of its header",
    );
    ledger.hold(
      "chain.receipts",
      same(rootOf(raw.receipts), header.receiptsRoot),
      "its receipts are not those of its header",
    );
    if (header.newer) this.ended ??= `block ${number} is of a later version of the chain`;
    if (this.ended) return;
    let transactions: Transaction[];
    let receipts: Receipt[];
    try {
      transactions = raw.transactions.map((each) => transactionOf(each, this.origin!.chainId));
    } catch (error) {
      if (error instanceof Unknown) this.ended = `${ledger.where}: ${error.message}`;
      else {
        ledger.fail("chain.transactions", (error as Error).message);
        this.ended = "nothing is replayed behind a transaction that is none";
      }
      return;
    }
    try {
      receipts = raw.receipts.map(receiptOf);
    } catch (error) {
      ledger.fail("chain.receipts", (error as Error).message);
      this.ended = "nothing is replayed behind a receipt that is none";
      return;
    }
    if (!this.receipts(header, transactions, receipts)) {
      this.ended = "nothing is replayed behind receipts that are wrong";
      return;
    }
    this.order(transactions);
    const bodies = new Map(raw.bodies.map((body) => [hex(keccak(body)), body]));
    const hashes = [...bodies.keys()];
    const calldata = transactions.map((each) => hex(each.data));
    const bound = hashes.every((hash, at) => {
      const recorded = calldata.some((data) => data.includes(hash.slice(2)));
      return recorded && (at === 0 || hashes[at - 1]! < hash);
    });
    if (!bound || hashes.length !== raw.bodies.length)
      ledger.fail("file.form", "it has a body that no transaction of it records, or not in order");
    try {
      transactions.forEach((transaction, at) => {
        ledger.where = `block ${number}, transaction ${at}`;
        const before = at ? receipts[at - 1]!.cumulativeGas : 0n;
        this.transaction(transaction, receipts[at]!, receipts[at]!.cumulativeGas - before, number, bodies);
      });
    } catch (error) {
      if (error instanceof Unknown) this.ended = `${ledger.where}: ${error.message}`;
      else if (error instanceof Stop) {
        ledger.fail(error.check, error.message);
        this.ended = "nothing is replayed behind this violation";
      } else throw error;
    }
  }

  private receipts(header: Header, transactions: Transaction[], receipts: Receipt[]): boolean {
    let used = 0n;
    let fits = transactions.length === receipts.length;
    const all: Log[] = [];
    receipts.forEach((receipt, at) => {
      const transaction = transactions[at];
      const gas = receipt.cumulativeGas - used;
      fits &&=
        transaction !== undefined &&
        receipt.type === transaction.type &&
        gas > 0n &&
        gas <= transaction.gas &&
        same(receipt.bloom, bloomOf(receipt.logs));
      used = receipt.cumulativeGas;
      all.push(...receipt.logs);
    });
    fits &&= used === header.gasUsed && same(header.bloom, bloomOf(all));
    return this.ledger.hold("chain.receipts", fits, "types, gas or bloom filters of its receipts are wrong");
  }

  /** Numbers of the accounts that called the contract: one by one, none twice. */
  private order(transactions: Transaction[]): void {
    for (const { sender, nonce, to, authorities } of transactions) {
      const account = key(sender);
      if (!this.seen.has(account) && nonce === 0n) this.plain.add(account);
      this.seen.add(account);
      const expected = this.nonces.get(account);
      if (expected !== undefined) {
        const mayHaveCode = this.mayHaveCode.has(account) || !this.plain.has(account);
        if (nonce > expected && mayHaveCode)
          this.ledger.open("chain.order", "an account that may have code skips numbers");
        else
          this.ledger.hold(
            "chain.order",
            nonce === expected,
            `account ${account} has number ${nonce} where ${expected} comes next`,
          );
      }
      if (expected !== undefined || to === null || same(to, this.origin!.contract))
        this.nonces.set(account, nonce + 1n);
      for (const authority of authorities) {
        const signer = key(authority);
        this.mayHaveCode.add(signer);
        const next = this.nonces.get(signer);
        if (next !== undefined) this.nonces.set(signer, next); // a gap from here on stays open
      }
    }
  }

  private transaction(
    transaction: Transaction,
    receipt: Receipt,
    gas: bigint,
    number: number,
    bodies: Map<string, Uint8Array>,
  ): void {
    const { ledger } = this;
    const { contract, chainId } = this.origin!;
    const own = receipt.logs.filter((log) => same(log.address, contract));
    const foreign = receipt.logs.length - own.length;
    if (!transaction.to) {
      if (!same(createdBy(transaction.sender, transaction.nonce), contract)) {
        if (own.length) throw new Stop("record.events", "the contract has events in a transaction to nobody");
        return;
      }
      if (this.replay) throw new Stop("game.code", "the contract is created twice");
      if (!receipt.succeeded) return;
      if (receipt.logs.length) throw new Stop("record.events", "the creation has events");
      if (isOf(transaction.data, this.options.agreements))
        throw new Unknown("the file is of an agreement on tokens, and this page verifies games: use mediate audit");
      if (
        !ledger.hold(
          "game.code",
          isShipped(transaction.data, this.options.shipped),
          "the creation is not that of the shipped code",
        )
      )
        throw new Unknown("the game has other code");
      try {
        this.game = gameOf(transaction.data.subarray(this.options.shipped.length));
      } catch (error) {
        if (error instanceof Unknown) throw error;
        throw new Stop("game.parameters", (error as Error).message);
      }
      this.plain.add(key(transaction.sender));
      checkParameters(this.game, transaction.value, ledger);
      if (this.blocks) ledger.fail("game.code", "the contract is created in a later block than the first");
      this.replay = new Replay(this.game, transaction.sender, transaction.value, number, chainId, contract, ledger);
      return;
    }
    if (!same(transaction.to, contract)) {
      if (own.length) throw new Stop("record.events", "the contract has events in a transaction to another address");
      return;
    }
    if (!receipt.succeeded) {
      if (this.replay) this.refused(transaction, gas, number, bodies);
      return;
    }
    if (!this.replay) throw new Stop("game.code", "the contract is called before it is created");
    const name = this.replay.nameOf(transaction.data);
    if (
      !name &&
      this.options.views.has(hex(transaction.data.subarray(0, 4)).slice(2)) &&
      !receipt.logs.length &&
      !transaction.value
    )
      return; // it asked for something
    if (foreign && name !== "withdraw")
      throw new Stop("record.events", "another address has events in a call of the contract");
    if (name && name !== "withdraw") this.plain.add(key(transaction.sender));
    this.replay.take(
      { sender: transaction.sender, data: transaction.data, value: transaction.value, block: number },
      own,
      bodies,
    );
  }

  /** A receipt says only that a call was refused; one that every rule allows had to be taken. */
  private refused(transaction: Transaction, gas: bigint, number: number, bodies: Map<string, Uint8Array>): void {
    const { sender, data, value } = transaction;
    const account = key(sender);
    ++this.replay!.refusals;
    if (!this.plain.has(account) || this.mayHaveCode.has(account)) return;
    if (mayHaveRunOut(this.game!, this.replay!.nameOf(data), transaction, gas)) return;
    if (this.replay!.hadToTake({ sender, data, value, block: number }, bodies))
      this.ledger.fail("record.events", "a call was refused that every rule allows");
  }

  facts(): Result["facts"] {
    const { game, replay, origin } = this;
    const all: [string, string | number | null | undefined][] = [
      ["Contract", origin && hex(origin.contract)],
      ["Chain", origin && String(origin.chainId)],
      ["Blocks", this.blocks || null],
      ["Participants", game?.n.participants],
      ["Arms", game?.n.arms],
      ["Horizon", game?.n.horizon],
      ["Burn-in", game?.n.burnIn],
      ["Aggregation", game?.rules.get("aggregation")?.name],
      ["Policy", game && (game.rules.get("policy")?.name ?? "ucb1")],
      [
        "Game",
        game &&
          [
            game.sealed ? "sealed" : "open",
            game.compact ? "compact" : "full",
            game.phases ? "phases" : "",
            game.provable ? "false reports proven" : "",
          ]
            .filter(Boolean)
            .join(", "),
      ],
      ["Records", replay?.rounds.length],
      ["Refused calls", replay?.refusals || null],
      [
        "Block list",
        replay &&
          (replay.seats
            .flatMap((seat, at) => (seat.since < Infinity ? [`seat ${at} from round ${seat.since}`] : []))
            .join(", ") ||
            "nobody"),
      ],
      ["Closed", replay && (replay.closed ? (replay.closed.void ? "with void costs" : "with costs") : "no")],
    ];
    return all.flatMap(([name, value]) => (value == null ? [] : [{ name, value: String(value) }]));
  }
}
