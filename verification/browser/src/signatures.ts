/** ECDSA signatures of secp256k1: who signed, as an address; and the one form of what is signed (EIP-712). */

import { secp256k1 } from "@noble/curves/secp256k1.js";

import { concat, hex, integer, keccak, same, text, uint, ZERO } from "./bytes.js";

const ORDER = secp256k1.Point.Fn.ORDER;
const known = new Map<string, Uint8Array | null>();

/** The address that signed a digest; null where no key can have. Only the lower s of two counts. */
export function signerOf(digest: Uint8Array, r: bigint, s: bigint, odd: number): Uint8Array | null {
  if (r <= 0n || r >= ORDER || s <= 0n || s > ORDER / 2n) return null;
  const key = `${hex(digest)}${r}.${s}.${odd}`;
  let signer = known.get(key);
  if (signer === undefined) {
    try {
      const point = new secp256k1.Signature(r, s, odd).recoverPublicKey(digest);
      signer = keccak(point.toBytes(false).subarray(1)).subarray(12);
    } catch {
      signer = null;
    }
    if (known.size > 200_000) known.clear();
    known.set(key, signer);
  }
  return signer;
}

/** Whether a compact signature (EIP-2098) of 64 bytes is that of an address. */
export function isSignedBy(address: Uint8Array, digest: Uint8Array, signature: Uint8Array): boolean {
  const vs = integer(signature.subarray(32));
  const signer = signerOf(digest, integer(signature.subarray(0, 32)), vs & ((1n << 255n) - 1n), Number(vs >> 255n));
  return signer !== null && same(signer, address);
}

const DOMAIN = keccak(
  text("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"),
);
const STATEMENT = keccak(
  text("Statement(uint32 round,bytes32 parent,uint8 phase,uint8 role,uint16 instance,bytes32 content)"),
);

/** Gives the digest that is signed for a slot and a content, within one game. */
export class Statements {
  private readonly domain: Uint8Array;

  constructor(chainId: bigint, contract: Uint8Array, game: Uint8Array) {
    this.domain = keccak(
      DOMAIN,
      keccak(text("chain_bandit")),
      keccak(text("2")),
      uint(chainId, 32),
      concat(ZERO.subarray(20), contract),
      game,
    );
  }

  digest(
    round: number,
    parent: Uint8Array,
    phase: number,
    role: number,
    instance: number,
    content: Uint8Array,
  ): Uint8Array {
    const statement = keccak(
      STATEMENT,
      uint(round, 32),
      parent,
      uint(phase, 32),
      uint(role, 32),
      uint(instance, 32),
      content,
    );
    return keccak(Uint8Array.of(0x19, 0x01), this.domain, statement);
  }
}
