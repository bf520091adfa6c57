/** The checks that a verdict is made of. */

/** What each check proves, by the identifiers that `chain-bandit audit` prints as well. */
export const CHECKS = {
  "file.form": "The file has the form of an export, line by line",
  "chain.links": "Each block names the hash of the block before it",
  "chain.transactions": "The transactions are those of the transactions root, signed by their senders",
  "chain.receipts": "The receipts are those of the receipts root, with their gas and their bloom filters",
  "chain.order": "No transaction of an account that called the contract is missing, doubled or moved",
  "chain.head": "The last block is the one whose hash you kept",
  "game.code": "The contract was created from the shipped code",
  "game.parameters": "Parameters and declared rules are well formed and stay within their bounds",
  "game.opening": "Seats, stakes, keys and the opening follow the rules",
  "record.events": "Every call's events are those that the rules give",
  "record.deadline": "Calls were taken only within their deadlines",
  "record.waiting": "No more blocks waited for their record than may, while the next one was signed",
  "record.links": "Each record extends the one before it; explorations come where they must",
  "certificate.quorum": "Each record has a quorum of its round's validators",
  "certificate.signatures": "Signatures of certificates are those of the validators",
  "committee.best": "The next committee has the best reputations",
  "draw.proof": "Proofs of draws verify with the registered keys",
  "draw.committee": "Drawn committees and commanders are those of the proofs",
  "evidence.proof": "Proofs of equivocation, of false reports and acquittals hold",
  "header.body": "Bodies are those of the headers; radii, lengths and reporters follow from the records",
  "header.arm": "The arm is the one that the index policy gives",
  "report.signature": "Each report is signed by its participant",
  "report.named": "Each report names a round that it may rest on",
  "report.range": "Estimators of reports are between 0 and 1",
  "aggregate.selected": "The selected reports are those of the aggregation rule",
  "aggregate.means": "Estimators are the means of the selected reports",
  "aggregate.accuracy": "Accuracies follow from reports and estimators",
  "aggregate.state": "What rules keep, weights and chosen validators follow from the rules",
  "aggregate.approval": "A block is approved exactly where every estimator is defined",
  "reveal.commitment": "Secret, roles, rewards and salt are those committed to",
  "reveal.cost": "The hidden cost follows from the secret",
  "settlement.form": "Settled rounds and pulls are those that may be paid",
  "settlement.rewards": "Each settled reward is the committed draw",
  "settlement.tallies": "The root of the tallies follows from the settled rows, and it alone is signed",
  "settlement.tags": "Each receipt tag of a sealed game opens to a pull",
  "settlement.sums": "The sums of a sealed game are those of its pulls",
  "seal.keys": "Revealed sealing keys are the registered ones",
  "seal.records": "Sealed records open to the last receipts",
  "honest.arm": "Who is labelled honest pulled the honest arm",
  "honest.report": "Who is labelled honest reported the means of its receipts",
  "counts.commitment": "Who is labelled honest committed to its pull counts",
  "counts.bits": "Comparison bits follow from the pull counts",
  "costs.records": "The records handed back for the costs are those of the chain",
  "costs.case": "Rounds of case 2 are exactly those that used a liar's false report",
  "money.close": "What was burned is what the rules give",
  "money.balances": "Every withdrawal is what the account is owed",
} as const;

export type Check = keyof typeof CHECKS;

export interface Tally {
  passed: number;
  failed: number;
  open: number;
  /** Taken as recorded: rests on a signature alone. */
  trusted: number;
  /** Where it failed first, and why. */
  failure: string | null;
  /** Why something was not checked, each reason once. */
  reasons: string[];
}

/** `unreadable`: the file has not the form of an export, and nothing that was read of it breaks a rule. */
export type Verdict = "passed" | "violated" | "incomplete" | "unreadable";

const MOST_REASONS = 8;

/** Counts what passed, failed and stayed open. */
export class Ledger {
  readonly tallies = new Map<Check, Tally>();
  where = "the file";
  private readable = true;

  private of(check: Check): Tally {
    let tally = this.tallies.get(check);
    if (!tally)
      this.tallies.set(check, (tally = { passed: 0, failed: 0, open: 0, trusted: 0, failure: null, reasons: [] }));
    return tally;
  }

  pass(check: Check): void {
    ++this.of(check).passed;
  }

  fail(check: Check, sentence: string): void {
    const tally = this.of(check);
    ++tally.failed;
    tally.failure ??= `${this.where}: ${sentence}`;
  }

  /** The file ends here for this page: it is no export, or not all of one. */
  unreadable(sentence: string): void {
    this.readable = false;
    this.fail("file.form", sentence);
  }

  /** Passed where it holds, else failed; tells which. */
  hold(check: Check, holds: boolean, sentence: string): boolean {
    if (holds) this.pass(check);
    else this.fail(check, sentence);
    return holds;
  }

  /** What is checked by then is of an earlier place. */
  at(where: string, then: () => void): void {
    const here = this.where;
    this.where = where;
    then();
    this.where = here;
  }

  open(check: Check, reason: string): void {
    ++this.of(check).open;
    this.reason(check, reason);
  }

  /** What failed of a check could not be checked after all. */
  reopen(check: Check, reason: string): void {
    const tally = this.of(check);
    if (!tally.failed) return;
    tally.open += tally.failed;
    tally.failed = 0;
    tally.failure = null;
    this.reason(check, reason);
  }

  /** Not recomputed, and no gap: the documents say that it rests on a signature. */
  trust(check: Check, reason: string): void {
    ++this.of(check).trusted;
    this.reason(check, reason);
  }

  private reason(check: Check, reason: string): void {
    const tally = this.of(check);
    if (tally.reasons.length < MOST_REASONS && !tally.reasons.includes(reason)) tally.reasons.push(reason);
  }

  get failures(): number {
    return [...this.tallies.values()].reduce((sum, tally) => sum + tally.failed, 0);
  }

  get verdict(): Verdict {
    const all = [...this.tallies.values()];
    if (this.failures) return !this.readable && this.failures === 1 ? "unreadable" : "violated";
    return all.some((tally) => tally.open) ? "incomplete" : "passed";
  }
}

/** A violation behind which nothing more can be replayed. */
export class Stop extends Error {
  constructor(
    readonly check: Check,
    sentence: string,
  ) {
    super(sentence);
  }
}

/** Something that this verifier cannot follow; what comes after it is not checked. */
export class Unknown extends Error {}
