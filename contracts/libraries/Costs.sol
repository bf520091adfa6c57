// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";
import {APPROVED, CostEntry, Terms, UNIT} from "../types/Game.sol";
import {Bits} from "./Bits.sol";
import {BlockList} from "./BlockList.sol";
import {Blocks} from "./Blocks.sol";
import {Ledger} from "./Ledger.sol";

/// @title Roles and cost, opened after the game, and the walk back over its records
library Costs {
    struct Disclosure {
        uint256 malicious; // seats with any role but honest
        uint256 liars;
        bytes32 cursor; // the digest of the newest record not handed back yet
        uint32 round; // its round
        uint32 costlyRounds;
        uint32 cost; // in units
        bool revealed;
        uint64 charge; // units that the costly rounds cost: T rounds of at most 1e9 fit
        mapping(uint256 => uint256) excused; // units of those in which a seat was on the block list
        mapping(uint256 => uint256) means; // true means in units, eight arms a word; unused where the cost is constant
    }

    /// @notice Takes in the opened commitment, once; `head` is the digest of the last record, in `round`.
    /// @param free Whether nothing is transferred: false reports can be proven, and who lies pays for them alone.
    /// @return cost c = keccak(secret, seed_0, "cost") mod (1e9 + 1), in units; 0 in such a game.
    function reveal(
        Disclosure storage disclosure,
        bytes32 secret,
        bytes calldata roles,
        bytes32 seed,
        bytes32 head,
        uint256 round,
        bool free
    ) internal returns (uint32 cost) {
        if (disclosure.revealed) revert IErrors.AlreadyRevealed(disclosure.cost);
        (disclosure.malicious, disclosure.liars) = _masks(roles);
        cost = free ? 0 : uint32(uint256(keccak256(abi.encodePacked(secret, seed, "cost"))) % (UNIT + 1));
        disclosure.cursor = head;
        disclosure.round = uint32(round);
        disclosure.cost = cost;
        disclosure.revealed = true;
    }

    /// @notice Keeps the true means of a revealed model: for each arm uint16 n, then n pairs of uint32 reward and
    /// uint32 weight; rewards ascend to one unit at most, weights are not all zero.
    function keepMeans(Disclosure storage disclosure, bytes calldata model, uint256 arms) internal {
        unchecked {
            uint256 at = 0;
            for (uint256 arm; arm < arms; ++arm) {
                uint256 sum = 0;
                uint256 size = 0;
                uint256 least = 0; // what the next reward must be; out of reach once one was less
                uint256 left = Bits.read(model, at, 2);
                for (at += 2; left != 0; --left) {
                    uint256 pair = Bits.read(model, at, 8);
                    uint256 reward = pair >> 32;
                    least = reward < least ? type(uint64).max : reward + 1;
                    sum += reward * uint32(pair);
                    size += uint32(pair);
                    at += 8;
                }
                bool complete = arm + 1 != arms || at == model.length;
                if (size == 0 || least > UNIT + 1 || !complete) revert IErrors.ModelMalformed(arm, at);
                disclosure.means[arm / 8] |= (sum / size) << (arm % 8 * 32);
            }
        }
    }

    /// @notice Follows the records back over `entries`, counting the costly rounds.
    /// @param first The first round that has a record.
    /// @param distance Whether a costly round costs by distance.
    function settle(
        Disclosure storage disclosure,
        BlockList.Docket storage docket,
        CostEntry[] calldata entries,
        Terms memory t,
        uint256 first,
        bool distance
    ) internal {
        if (!disclosure.revealed) revert IErrors.NotRevealed();
        bytes32 cursor = disclosure.cursor;
        uint256 round = disclosure.round;
        uint256 liars = disclosure.liars;
        uint256 costly = disclosure.costlyRounds;
        uint256 charge = disclosure.charge;
        // Of T rounds of at most a whole reward each: their sum fits 64 bits.
        unchecked {
            for (uint256 i; i < entries.length; ++i) {
                if (round < first) revert IErrors.NoRecordLeft(i);
                CostEntry calldata entry = entries[i];
                bytes32 header = entry.header.length == 0 ? bytes32(0) : keccak256(entry.header);
                bytes32 digest = Ledger.headAfter(entry.parent, round, entry.kind, header);
                if (digest != cursor) revert IErrors.WrongRecord(round, digest, cursor);
                if (entry.costly) {
                    // Round L is observed, never paid, whatever becomes of its block.
                    (uint256 held, uint256 arm, uint256 mean, uint256 length) = Blocks.outcome(t, entry.header);
                    if (entry.kind != APPROVED || round <= first || held & liars == 0) {
                        revert IErrors.CostWithoutLiar(round, entry.kind);
                    }
                    ++costly;
                    uint256 cost = length * (distance ? _byDistance(disclosure, arm, mean) : disclosure.cost);
                    charge += cost;
                    _excuse(disclosure, docket, round, cost);
                }
                cursor = entry.parent;
                --round;
            }
        }
        disclosure.cursor = cursor;
        disclosure.round = uint32(round);
        disclosure.costlyRounds = uint32(costly);
        disclosure.charge = uint64(charge);
    }

    /// @notice Whether the commitment is opened and every record handed back.
    function isComplete(Disclosure storage disclosure, uint256 first) internal view returns (bool) {
        return disclosure.revealed && disclosure.round + 1 == first;
    }

    /// @notice Units that the costly rounds take from a seat, or give it: none from the block list on.
    function changeOf(Disclosure storage disclosure, uint256 seat) internal view returns (uint256) {
        return disclosure.charge - disclosure.excused[seat];
    }

    /// @notice Whether a seat's role, once revealed, is any but honest.
    function isMalicious(Disclosure storage disclosure, uint256 seat) internal view returns (bool) {
        return disclosure.malicious >> seat & 1 == 1;
    }

    /// @dev c * min(1, (global estimator - true mean)**2), floored to a unit.
    function _byDistance(Disclosure storage disclosure, uint256 arm, uint256 mean) private view returns (uint256) {
        unchecked {
            uint256 truth = uint32(disclosure.means[arm / 8] >> (arm % 8 * 32));
            uint256 apart = mean > truth ? mean - truth : truth - mean;
            if (apart > UNIT) apart = UNIT;
            return disclosure.cost * apart * apart / UNIT ** 2;
        }
    }

    function _excuse(Disclosure storage disclosure, BlockList.Docket storage docket, uint256 round, uint256 cost)
        private
    {
        uint256 accused = docket.accused;
        unchecked {
            for (uint256 seat; accused != 0; (++seat, accused >>= 1)) {
                if (accused & 1 == 1 && docket.since[seat] <= round) disclosure.excused[seat] += cost;
            }
        }
    }

    function _masks(bytes calldata roles) private pure returns (uint256 malicious, uint256 liars) {
        unchecked {
            for (uint256 seat; seat < roles.length; ++seat) {
                uint256 role = uint8(roles[seat]);
                if (role > 3) revert IErrors.UnknownRole(seat, role);
                if (role != 0) malicious |= 1 << seat;
                liars |= (role & 1) << seat;
            }
        }
    }
}
