// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {Acquittal, APPROVED, Equivocation, FalseReport, REJECTED} from "../../contracts/types/Game.sol";
import {Model} from "./Model.sol";
import {vm} from "./Vm.sol";

/// @title How blocks, skips and evidence are encoded, signed and submitted: the only place in the suite that knows
/// @dev Written from `docs/protocol.md`, not from `contracts/`: what it encodes, the contract must take.
library Blocks {
    uint256 internal constant UNIT = 1e9;
    uint256 internal constant BOUND = 2e9;

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)");
    bytes32 private constant STATEMENT_TYPE =
        keccak256("Statement(uint32 round,bytes32 parent,uint8 phase,uint8 role,uint16 instance,bytes32 content)");

    /// @dev What of the parameters decides what a block looks like.
    struct Shape {
        uint256 people;
        uint256 arms;
        uint256 tolerance;
        bool compact;
        bool committees;
        bool drawn;
        bool attested; // means and accuracies are the quorum's word
        bool kept; // headers carry what rules keep
        bool provable; // reports name the round whose tally they rest on
    }

    struct Slot {
        uint256 chainId;
        address at;
        bytes32 game;
        uint32 round;
        bytes32 parent;
        uint256 blocked;
    }

    struct Content {
        uint256 reporters;
        uint256 arm;
        uint256[] candidates;
        uint256[] selected;
        uint256 committee;
        uint256 commanders;
        uint256[] means;
        uint256[] accuracies;
        bytes body; // empty in a compact game
        bytes32 bodyDigest;
        bytes state; // that rules keep
        bytes header; // once sealed
    }

    /// @notice Some block of reporters in `eligible`, all by `seed`. In a full game nobody is selected for some arm
    /// of a block that is to be rejected; in a compact one some mean is too high.
    function some(Shape memory shape, uint256 eligible, bool approved, uint256 seed)
        internal
        pure
        returns (Content memory c)
    {
        c.reporters = seed & eligible;
        if (c.reporters == 0) c.reporters = eligible;
        c.arm = seed % shape.arms;
        c.candidates = someSets(shape.arms, type(uint256).max >> (256 - 8 * setBytes(shape)), seed, "A");
        c.selected = someSets(shape.arms, c.reporters, seed, "B");
        uint256 odd = uint256(hash(seed, "odd", 0)) % shape.arms;
        if (shape.compact) {
            c.bodyDigest = hash(seed, "body", 0);
        } else {
            for (uint256 arm; arm < shape.arms; ++arm) {
                if (c.selected[arm] == 0) c.selected[arm] = c.reporters;
            }
            if (!approved) c.selected[odd] = 0;
            _report(shape, c, seed);
        }
        if (shape.attested) _attest(shape, c, approved, odd, seed);
        if (shape.kept) c.state = new bytes(seed >> 250 & 1 == 0 ? 0 : uint256(hash(seed, "state", 0)) % 200);
    }

    /// @dev Any means and accuracies.
    function _attest(Shape memory shape, Content memory c, bool approved, uint256 odd, uint256 seed) private pure {
        c.means = new uint256[](shape.arms);
        for (uint256 arm; arm < shape.arms; ++arm) {
            c.means[arm] = seed & 256 != 0 ? BOUND : uint256(hash(seed, "mean", arm)) % (BOUND + 1);
        }
        if (!approved) c.means[odd] = seed & 512 == 0 ? BOUND + 1 : type(uint32).max;
        c.accuracies = new uint256[](shape.people);
        for (uint256 seat; seat < shape.people; ++seat) {
            c.accuracies[seat] = uint16(uint256(hash(seed, "accuracy", seat)));
        }
    }

    /// @dev Reports and radii by `seed`, and what follows from them.
    function _report(Shape memory shape, Content memory c, uint256 seed) private pure {
        uint256[] memory radii = new uint256[](shape.arms);
        for (uint256 arm; arm < shape.arms; ++arm) {
            uint256 chance = uint256(hash(seed, "radius", arm));
            radii[arm] = [uint256(0), 1, chance % (UNIT / 4), 2 ** 31 - 1][chance >> 254];
            c.body = bytes.concat(c.body, bytes4(uint32(radii[arm])));
        }
        uint256[][] memory reports = new uint256[][](shape.people);
        for (uint256 seat; seat < shape.people; ++seat) {
            if (!Model.has(c.reporters, seat)) continue;
            reports[seat] = new uint256[](shape.arms);
            for (uint256 arm; arm < shape.arms; ++arm) {
                uint256 chance = uint256(hash(seed, "report", arm << 16 | seat));
                uint256 near = uint256(hash(seed, "near", arm)) % UNIT;
                uint256 far = near + chance % (UNIT / 8);
                uint256[4] memory styles = [near, far < UNIT ? far : UNIT, chance % (UNIT + 1), (chance & 1) * UNIT];
                reports[seat][arm] = styles[chance >> 254];
                c.body = bytes.concat(c.body, bytes4(uint32(reports[seat][arm])));
            }
            if (shape.provable) c.body = bytes.concat(c.body, bytes4(uint32(seed)));
            c.body = bytes.concat(c.body, hash(seed, "commitment", seat));
            if (shape.drawn) c.body = bytes.concat(c.body, _proof(seed, seat));
            c.body = bytes.concat(c.body, hash(seed, "r", seat), hash(seed, "s", seat));
        }
        c.bodyDigest = keccak256(c.body);
        c.means = Model.means(reports, c.selected);
        c.accuracies = Model.accuracies(reports, c.means, radii, shape.tolerance);
    }

    /// @dev 81 bytes, which the contract does not look into.
    function _proof(uint256 seed, uint256 seat) private pure returns (bytes memory) {
        bytes32 gamma = hash(seed, "gamma", seat);
        return bytes.concat(hex"02", gamma, bytes16(gamma), hash(seed, "response", seat));
    }

    function kindOf(Content memory c) internal pure returns (uint8) {
        for (uint256 arm; arm < c.means.length; ++arm) {
            if (c.means[arm] > BOUND) return REJECTED;
        }
        return APPROVED;
    }

    /// @notice The seats that some B_i holds.
    function held(Content memory c) internal pure returns (uint256 set) {
        for (uint256 arm; arm < c.selected.length; ++arm) {
            set |= c.selected[arm];
        }
    }

    /// @notice Writes the header, once all else is decided.
    function seal(Shape memory shape, Slot memory slot, Content memory c) internal pure {
        c.header = bytes.concat(
            bytes4(slot.round), slot.parent, bytes32(slot.blocked), c.bodyDigest, _decided(shape, c), _derived(c)
        );
    }

    /// @notice The digest of a sealed block that its record keeps.
    function digest(Content memory c) internal pure returns (bytes32) {
        return keccak256(c.header);
    }

    /// @notice One block of a submission.
    function encode(Shape memory shape, Content memory c, uint256 signers, bytes memory signatures_)
        internal
        pure
        returns (bytes memory)
    {
        bytes memory first = seats(signers, setBytes(shape));
        bytes memory attested = shape.attested ? _derived(c) : bytes("");
        if (!shape.compact) return bytes.concat(first, _decided(shape, c), attested, c.body, signatures_);
        return bytes.concat(first, c.bodyDigest, _decided(shape, c), attested, signatures_);
    }

    /// @notice Calldata that submits blocks.
    function submission(bytes memory blocks) internal pure returns (bytes memory) {
        return bytes.concat(IChainBandit.submitBlocks.selector, blocks);
    }

    /// @notice The digest of the history after a record.
    function headAfter(bytes32 parent, uint32 round, uint8 kind, bytes32 header) internal pure returns (bytes32) {
        return keccak256(bytes.concat(parent, bytes31(uint248(round)), bytes1(kind), header));
    }

    /// @notice What validators sign under `content` (a block's digest, or zero for a skip) in a slot.
    function statement(Slot memory slot, bytes32 content) internal pure returns (bytes32) {
        return statement(slot, 2, 3, 0, content);
    }

    function statement(Slot memory slot, uint256 phase, uint256 role, uint256 instance, bytes32 content)
        internal
        pure
        returns (bytes32)
    {
        bytes32 domain = keccak256(
            abi.encode(DOMAIN_TYPE, keccak256("chain_bandit"), keccak256("2"), slot.chainId, slot.at, slot.game)
        );
        bytes32 struct_ = keccak256(
            abi.encode(STATEMENT_TYPE, uint256(slot.round), slot.parent, phase, role, instance, content)
        );
        return keccak256(bytes.concat(hex"1901", domain, struct_));
    }

    /// @notice Two contents that `key`, in `seat`, signed as (phase, role) in one slot.
    function evidence(
        Slot memory slot, uint256 key, uint16 seat, uint8 phase, uint8 role, bytes32 content, bytes32 other
    ) internal pure returns (Equivocation memory) {
        uint256 instance = role == 1 ? seat : 0;
        (bytes32 r, bytes32 vs) = signature(key, statement(slot, phase, role, instance, content));
        (bytes32 otherR, bytes32 otherVs) = signature(key, statement(slot, phase, role, instance, other));
        return Equivocation(seat, slot.round, slot.parent, phase, role, content, r, vs, other, otherR, otherVs);
    }

    /// @notice A report of `seat` of which one mean, the proof names which, is off by `lie` from a tally of (i + 1) a pull
    /// of arm i, twice each, which credits `credited`; the tally is the only one under its root.
    function falseReport(
        Slot memory slot, Shape memory shape, uint256[2] memory signers, uint16 seat, bytes32[2] memory seedAndGenesis,
        uint64 credited, uint32 lie
    ) internal pure returns (FalseReport memory f) {
        (f.seat, f.round, f.parent, f.through) = (seat, slot.round, slot.parent, slot.round);
        f.tally = bytes.concat(bytes8(credited), _counts(shape), _totals(shape));
        f.arm = uint8(slot.round % shape.arms);
        for (uint32 arm; arm < shape.arms; ++arm) {
            f.report = bytes.concat(f.report, bytes4(arm + 1 + (arm == f.arm ? lie : 0)));
        }
        bytes32 salt = keccak256(bytes.concat(seedAndGenesis[0], "counts", bytes4(slot.round), bytes2(seat)));
        bytes32 commitment = keccak256(bytes.concat(_counts(shape), salt));
        f.report = bytes.concat(f.report, bytes4(slot.round - 1), commitment);
        if (shape.drawn) f.report = bytes.concat(f.report, _proof(credited, seat));
        (f.r, f.vs) = signature(signers[0], statement(slot, 1, 1, seat, keccak256(f.report)));
        f.root = keccak256(bytes.concat(bytes4(slot.round - 1), bytes2(seat), f.tally));
        slot.parent = seedAndGenesis[1];
        (f.rootR, f.rootVs) = signature(signers[1], statement(slot, 3, 7, 0, f.root));
        slot.parent = f.parent;
        f.path = new bytes32[](0);
    }

    /// @notice A receipt of the round before `slot`, with another tally.
    function acquittal(Slot memory slot, uint256 key, uint16 seat) internal pure returns (Acquittal memory a) {
        (a.seat, a.parent, a.arm, a.reward, a.tally) = (seat, slot.parent, 1, 5, hash(slot.round, "tally", seat));
        uint32 round = slot.round;
        slot.round = round - 1;
        bytes32 content = keccak256(bytes.concat(bytes1(a.arm), bytes4(uint32(a.reward)), a.tally));
        (a.r, a.vs) = signature(key, statement(slot, 3, 5, seat, content));
        slot.round = round;
    }

    function _counts(Shape memory shape) private pure returns (bytes memory all) {
        for (uint256 arm; arm < shape.arms; ++arm) {
            all = bytes.concat(all, bytes4(uint32(2)));
        }
    }

    function _totals(Shape memory shape) private pure returns (bytes memory all) {
        for (uint64 arm; arm < shape.arms; ++arm) {
            all = bytes.concat(all, bytes8(2 * arm + 3)); // half a pull more than twice the mean: it is floored
        }
    }

    /// @notice EIP-2098 signatures of the keys in `signers`, by ascending seat.
    function signatures(uint256[] memory keys, uint256 signers, bytes32 what) internal pure returns (bytes memory all) {
        for (uint256 seat; seat < keys.length; ++seat) {
            if (signers >> seat & 1 == 0) continue;
            (bytes32 r, bytes32 vs) = signature(keys[seat], what);
            all = bytes.concat(all, r, vs);
        }
    }

    function signature(uint256 key, bytes32 what) internal pure returns (bytes32, bytes32) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, what);
        return (r, bytes32(uint256(s) | uint256(v - 27) << 255));
    }

    function setBytes(Shape memory shape) internal pure returns (uint256) {
        return (shape.people + 7) / 8;
    }

    function seats(uint256 members, uint256 size) internal pure returns (bytes memory all) {
        all = abi.encodePacked(members << (256 - 8 * size));
        assembly {
            mstore(all, size)
        }
    }

    function hash(uint256 seed, string memory what, uint256 i) internal pure returns (bytes32) {
        return keccak256(abi.encode(seed, what, i));
    }

    /// @notice A set for each arm: often one that all share, often an empty one.
    function someSets(uint256 arms, uint256 within, uint256 seed, string memory what)
        internal
        pure
        returns (uint256[] memory sets)
    {
        sets = new uint256[](arms);
        uint256 style = uint256(hash(seed, what, arms)) & 3;
        for (uint256 arm; arm < arms; ++arm) {
            sets[arm] = within & (style == 0 ? within : uint256(hash(seed, what, style == 1 ? 0 : arm)));
        }
    }

    function _sets(uint256[] memory all, uint256 size) private pure returns (bytes memory encoded) {
        bool shared = true;
        for (uint256 arm; arm < all.length; ++arm) {
            shared = shared && all[arm] == all[0];
            encoded = bytes.concat(encoded, seats(all[arm], size));
        }
        return shared ? bytes.concat(hex"01", seats(all[0], size)) : bytes.concat(hex"00", encoded);
    }

    function _decided(Shape memory shape, Content memory c) private pure returns (bytes memory) {
        uint256 size = setBytes(shape);
        return bytes.concat(
            seats(c.reporters, size), bytes1(uint8(c.arm)), _sets(c.candidates, size), _sets(c.selected, size),
            shape.committees ? seats(c.committee, size) : bytes(""), shape.drawn ? seats(c.commanders, size) : bytes(""),
            shape.kept ? bytes.concat(bytes1(uint8(1)), bytes2(uint16(c.state.length)), c.state) : bytes(hex"00")
        );
    }

    function _derived(Content memory c) private pure returns (bytes memory all) {
        for (uint256 arm; arm < c.means.length; ++arm) {
            all = bytes.concat(all, bytes4(uint32(c.means[arm])));
        }
        for (uint256 seat; seat < c.accuracies.length; ++seat) {
            all = bytes.concat(all, bytes2(uint16(c.accuracies[seat])));
        }
    }
}
