// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {IErrors} from "../../contracts/interfaces/IErrors.sol";
import {Blocks} from "./Blocks.sol";
import {Model} from "./Model.sol";
import {Play} from "./Play.sol";
import {vm} from "./Vm.sol";

/// @title Fewer keys than a quorum of the open committee end no round and choose no committee
/// @dev Keys that are no quorum write whatever helps them to be the next committee, and sign for it.
abstract contract CaptureTests is Play {
    function _begin(Kind memory kind_) internal {
        kind = kind_;
        _opened(0);
        approve(1);
        approve(2);
    }

    /// The shape of the defect: blocks that nobody signed make a committee of outsiders, who sign the last one.
    function test_blocks_without_signers_choose_no_committee() public {
        uint256 start = vm.snapshotState();
        uint256 coalition = _outsiders();
        check(!certifies(coalition), "too many");
        bytes memory all;
        for (uint256 i; tip.round <= p.horizon && !certifies(coalition & validators()); ++i) {
            Blocks.Content memory c = _favouring(coalition, i);
            all = bytes.concat(all, Blocks.encode(shape(), c, 0, ""));
            note(c);
        }
        check(tip.round <= p.horizon, "outsiders who never get a committee show nothing");
        all = bytes.concat(all, _part(_favouring(coalition, 7), coalition & validators()));
        vm.revertToState(start);
        check(refused(STRANGER, 0, Blocks.submission(all)) == IErrors.CertificateMissing.selector, "the reason");
        check(agrees(), "a refused call that changed the game");
    }

    /// Whatever they submit, in any game that the others play on; time alone ends rounds without a quorum.
    function testFuzz_too_few_keys_end_no_round(uint256 course, uint256 keys_) public {
        for (; tip.round <= p.horizon; course >>= 8) {
            uint256 chance = uint256(keccak256(abi.encode(course, keys_)));
            uint256 coalition = _tooFew(keys_ >> (course & 7));
            refused(STRANGER, 0, _batch(coalition, chance));
            refused(STRANGER, 0, skipping(coalition & validators()));
            refused(STRANGER, 0, skipping(coalition));
            refused(STRANGER, 0, waitingOut());
            check(agrees(), "a refused call that changed the game");
            if (course & 24 == 0 && since[course % people()] == 0) accuse(course % people(), course);
            if (course & 7 == 0 || !certifies(validators())) waitOut();
            else if (course & 7 == 1) skip(quorum(course));
            else approve(course);
            check(agrees(), "the game");
        }
    }

    /// @dev Seats outside the open committee, as many as certify in the smallest one that can.
    function _outsiders() private view returns (uint256 coalition) {
        uint256 count = named() ? leastNamed(everybody()) : quorumSize();
        for (uint256 seat; seat < people() && Model.bits(coalition) < count; ++seat) {
            if (!Model.has(validators(), seat)) coalition |= 1 << seat;
        }
        check(Model.bits(coalition) == count, "too few outside");
    }

    /// @dev Any seats of which fewer than a quorum validate.
    function _tooFew(uint256 seed) private view returns (uint256 coalition) {
        coalition = seed & everybody();
        for (uint256 seat; seat < people() && Model.bits(coalition & validators()) >= quorumSize(); ++seat) {
            coalition &= ~(validators() & 1 << seat);
        }
    }

    /// @dev A block of the open round in which the coalition is heard alone, and names itself where chance draws.
    function _favouring(uint256 coalition, uint256 seed) private view returns (Blocks.Content memory c) {
        uint256 able = coalition & ~blockedAt(tip.round);
        c = Blocks.some(shape(), able == 0 ? everybody() & ~blockedAt(tip.round) : able, true, seed | coalition);
        for (uint256 seat; shape().attested && seat < people(); ++seat) {
            c.accuracies[seat] = Model.has(coalition, seat) ? 65535 : 0;
        }
        seal(tip, c);
        uint256 mine = coalition & ~blockedAt(tip.round + 1);
        if (!named() || mine == 0) return c;
        (c.committee, c.commanders) = (mine, 0);
        Blocks.seal(shape(), slot(), c);
    }

    function _part(Blocks.Content memory c, uint256 signers) private view returns (bytes memory) {
        return Blocks.encode(shape(), c, signers, signatures(Blocks.digest(c), signers));
    }

    /// @dev Calldata of one to four blocks that only the coalition signs, or nobody.
    function _batch(uint256 coalition, uint256 chance) private returns (bytes memory) {
        uint256 start = vm.snapshotState();
        bytes memory all;
        for (uint256 i; i < 1 + chance % 4 && tip.round <= p.horizon; ++i) {
            Blocks.Content memory c = _favouring(coalition, chance >> (16 * i));
            uint256 how = chance >> (128 + 2 * i) & 3;
            uint256 signers = how == 0 ? 0 : how == 1 ? coalition : how == 2 ? coalition & chance : coalition & validators();
            if (i == chance % 4) signers = coalition & validators();
            all = bytes.concat(all, _part(c, signers));
            note(c);
        }
        vm.revertToState(start);
        return Blocks.submission(all);
    }
}

/// @dev Three of the four who do not validate are a quorum of five.
/// forge-config: deep.fuzz.runs = 10000
contract CaptureOfTheBestTest is CaptureTests {
    function setUp() public {
        _begin(Kind(9, 2, 5, true, 2, false));
    }
}

/// forge-config: deep.fuzz.runs = 10000
contract CaptureByTwoThirdsTest is CaptureTests {
    function setUp() public {
        quorumChoice = 1;
        _begin(Kind(10, 2, 4, false, 1, false));
    }
}

/// forge-config: deep.fuzz.runs = 10000
contract CaptureOfTheDrawnTest is CaptureTests {
    function setUp() public {
        drawing = 3 * uint128(2 ** 64) / 10 + 1;
        _begin(Kind(20, 2, 20, false, 2, true));
    }
}

/// @dev Reputations, what rules keep and who validates next are all the word of whoever signs.
/// forge-config: deep.fuzz.runs = 10000
contract CaptureByARuleTest is CaptureTests {
    function setUp() public {
        asked = 255 - 8 - 16;
        _begin(Kind(20, 2, 5, false, 2, false));
    }
}

/// forge-config: deep.fuzz.runs = 10000
contract CaptureByARuleCompactTest is CaptureTests {
    function setUp() public {
        asked = 255 - 8 - 16;
        quorumChoice = 1;
        _begin(Kind(22, 2, 4, true, 1, false));
    }
}
