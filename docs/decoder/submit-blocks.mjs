// Takes the calldata of `submitBlocks` apart, which is packed and not ABI: docs/protocol.md has the layout. No dependency;
// runs in Node, in browsers and in indexers. All other calls and all events are ABI: docs/contract.md.
//
//     import { decodeSubmitBlocks } from "./submit-blocks.mjs";
//     decodeSubmitBlocks(transaction.input, await game.read.parameters());

export const SELECTOR = "0x0276a0a8";

const SIGNATURE = 64, COMMITMENT = 32, PROOF = 81, SEALED = 21, BOUND = 2_000_000_000, NOBODY = 0xffffffff;
const ALWAYS = 2n ** 64n, COMPUTED = 3n, STATE = 64n, CHOSEN = 128n; // the last three are trust classes
const MOST_STATE = 4096, NONE = 0, KEPT = 1, PHASE = 2; // the last three are types of extensions

/**
 * The blocks in the calldata of one transaction, in order. Throws an `Error` on calldata that are none.
 *
 * @param {string} data  the transaction's input, 0x and hexadecimal digits
 * @param {object} parameters  what the game's `parameters()` gives, by name: numbers, bigints or decimal strings
 * @returns {Array<{signers: number[], signatures: string[], reporters: number[], arm: number, candidates: number[][],
 *   selected: number[][], committee: number[] | null, commanders: number[] | null, bodyHash: string | null,
 *   means: number[], accuracies: number[] | null, approved: boolean, radii: number[] | null, states: string[][] | null,
 *   length: number | null,
 *   reports: Array<{seat: number, means: number[], named: number | null, commitment: string, proof: string,
 *     sealed: string, signature: string}> | null}>}  seats ascend; means, radii in units of 1e-9, 4294967295 where B is empty. A full game's
 *   blocks have radii and reports, a compact one's the hash of their body; accuracies are there where the quorum vouches
 *   for them, and are the reputations themselves in the class WEIGHTS (32) of `attested`; states are what rules keep, of
 *   each that does, in decimals, in the class STATE (64); length is how often the arm is pulled, in a game with growth;
 *   a report names a round where its payload has one integer more than arms; the rest is null.
 */
export function decodeSubmitBlocks(data, parameters) {
  if (!/^0x([0-9a-f]{2})*$/i.test(data)) throw new Error("the input is not 0x and pairs of hexadecimal digits");
  if (data.slice(0, 10).toLowerCase() !== SELECTOR) throw new Error(`the input is no call of submitBlocks (${SELECTOR})`);
  const game = shape(parameters), read = new Reader(data.slice(10)), blocks = [];
  do blocks.push(block(game, read)); while (!read.atEnd());
  if (!blocks.at(-1).signers.length) throw new Error("nobody signed the last block");
  return blocks;
}

/** What of the parameters says where things lie. */
function shape(parameters) {
  const number = (name) => {
    const value = parameters[name] ?? parameters.reserved?.[name];
    if (value === undefined) throw new Error(`the parameters lack ${name}`);
    return BigInt(value);
  };
  const drawn = number("sortition") > 0n, commanders = number("commanders") < ALWAYS, classes = number("attested");
  return {
    seats: Number(number("participants")), arms: Number(number("arms")), payload: Number(number("payload")),
    compact: number("bodyMode") === 1n,
    committee: drawn || (classes & CHOSEN) > 0n || number("validators") < number("participants"), commanders,
    attested: (classes & COMPUTED) > 0n,
    extension: (classes & STATE) > 0n ? KEPT : number("growth") > 0n ? PHASE : NONE,
    proof: drawn || commanders ? PROOF : 0, sealed: number("sealedGame") === 1n ? SEALED : 0,
  };
}

function block(game, read) {
  const set = () => read.set(Math.ceil(game.seats / 8));
  const signers = set();
  const bodyHash = game.compact ? read.hex(32) : null;
  const reporters = set(), arm = read.number(1);
  if (arm >= game.arms) throw new Error(`there is no arm ${arm}`);
  const candidates = sets(game, read, set), selected = sets(game, read, set);
  const committee = game.committee ? set() : null, commanders = game.commanders ? set() : null;
  const extension = read.number(1);
  if (extension !== game.extension) throw new Error(`there is no extension of type ${extension}`);
  const kept = extension === KEPT ? states(read) : null, length = extension === PHASE ? read.number(4) : null;
  let means, accuracies = null, radii = null, reports = null;
  if (game.attested) {
    means = read.numbers(game.arms, 4);
    accuracies = read.numbers(game.seats, 2);
  }
  if (!game.compact) {
    radii = read.numbers(game.arms, 4);
    reports = reporters.map((seat) => {
      const said = read.numbers(game.payload, 4), named = said[game.arms] ?? null;
      return {
        seat, means: said.slice(0, game.arms), named, commitment: read.hex(COMMITMENT), proof: read.hex(game.proof),
        sealed: read.hex(game.sealed), signature: read.hex(SIGNATURE),
      };
    });
    means ??= selected.map((members, i) => mean(members, i, reports));
  }
  const signatures = signers.map(() => read.hex(SIGNATURE)), approved = means.every((each) => each <= BOUND);
  return {
    signers, signatures, reporters, arm, candidates, selected, committee, commanders, bodyHash, means, accuracies, approved,
    radii, reports, states: kept, length,
  };
}

/** What rules keep: of each uint16 how many integers, and these, int64. */
function states(read) {
  const size = read.number(2), end = read.at + 2 * size, found = [];
  if (size > MOST_STATE) throw new Error(`there are ${size} bytes of state, at most ${MOST_STATE} are allowed`);
  const integer = () => BigInt.asIntN(64, BigInt(read.hex(8))).toString();
  while (read.at < end) found.push(Array.from({ length: read.number(2) }, integer));
  if (read.at > end) throw new Error("the states are longer than they say");
  return found;
}

/** One set of seats an arm: 1 and the set that all share, else 0 and all of them. */
function sets(game, read, set) {
  const flag = read.number(1);
  if (flag > 1) throw new Error(`sets of seats begin with 0 or 1, not ${flag}`);
  if (flag === 1) return Array(game.arms).fill(set());
  return Array.from({ length: game.arms }, set);
}

/** The global estimator of an arm: the mean of the reports in B, rounded down. */
function mean(members, arm, reports) {
  if (!members.length) return NOBODY;
  const sum = members.reduce((total, seat) => {
    const report = reports.find((each) => each.seat === seat);
    if (!report) throw new Error(`seat ${seat} is in B and did not report`);
    return total + report.means[arm];
  }, 0);
  return Math.floor(sum / members.length);
}

/** Takes hexadecimal digits from the front. */
class Reader {
  constructor(digits) {
    this.digits = digits;
    this.at = 0;
  }

  atEnd() {
    return this.at === this.digits.length;
  }

  hex(bytes) {
    const end = this.at + 2 * bytes;
    if (end > this.digits.length) throw new Error("the input ends within a block");
    const taken = this.digits.slice(this.at, end);
    this.at = end;
    return `0x${taken.toLowerCase()}`;
  }

  number(bytes) {
    return Number(this.hex(bytes));
  }

  numbers(count, bytes) {
    return Array.from({ length: count }, () => this.number(bytes));
  }

  /** The seats of an unsigned big-endian integer whose bit p stands for seat p. */
  set(bytes) {
    const members = [];
    for (let bits = BigInt(this.hex(bytes)), seat = 0; bits; bits >>= 1n, ++seat) if (bits & 1n) members.push(seat);
    return members;
  }
}
