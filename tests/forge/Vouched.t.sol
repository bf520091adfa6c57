// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../../contracts/interfaces/IErrors.sol";
import {Blocks} from "./Blocks.sol";
import {Model} from "./Model.sol";
import {Play} from "./Play.sol";

/// @title What the contract holds of a game whose rules it does not know: bounds, whatever a quorum signs
abstract contract VouchedTests is Play {
    function _begin(Kind memory kind_, uint8 classes) internal {
        (kind, asked) = (kind_, classes);
        _opened(0);
        approve(1);
        approve(2);
    }

    function _tried(Blocks.Content memory c, bool takes, bytes4 reason) private {
        Blocks.seal(shape(), slot(), c);
        uint256 signers = quorum(uint256(c.bodyDigest));
        if (takes) {
            must(STRANGER, 0, signed(c, signers));
            note(c);
        } else {
            check(refused(STRANGER, 0, signed(c, signers)) == reason, "the reason");
        }
        check(agrees(), "the game");
    }

    /// No quorum can leave the game to fewer seats than N, nor to one that is on the block list.
    function testFuzz_committee_is_taken_exactly_when_no_fewer_than_n_who_are_eligible(
        uint256 committee, uint256 seed, uint8 accused, bool approved
    ) public {
        if (seed & 7 == 0) accuse(accused % people(), seed);
        for (uint256 i; i < 5 && seed & 7 == 0; ++i) {
            if (certifies(validators())) approve(seed >> i);
            else waitOut();
        }
        if (!certifies(validators()) || tip.round > p.horizon) return;
        Blocks.Content memory c = block_(approved, seed);
        c.committee = seed >> 250 & 3 == 0 ? committee : committee & everybody() & ~(uint256(1) << accused % people());
        c.committee &= type(uint256).max >> (256 - 8 * Blocks.setBytes(shape()));
        _tried(c, mayName(tip, c), IErrors.CommitteeMalformed.selector);
    }

    /// After a round without a block everybody eligible validates, whoever was chosen before.
    function test_without_a_block_everybody_validates() public {
        check(Model.bits(tip.committee) < people(), "no choice");
        skip(quorum(1));
        same(tip.committee, everybody(), "validators after a skip");
        approve(3);
        approve(4);
        check(Model.bits(tip.committee) < people(), "no choice");
        waitOut();
        same(tip.committee, everybody(), "validators after the deadline");
        check(agrees(), "the game");
    }

    /// Nor may the block that brings an exploration along name anybody for the round behind it.
    function test_after_an_exploration_everybody_validates() public {
        Blocks.Content memory c = block_(false, 5);
        _tried(c, true, 0);
        c = block_(false, 6);
        check(c.committee == everybody(), "no exploration");
        c.committee = everybody() >> 1;
        _tried(c, false, IErrors.CommitteeMalformed.selector);
        c.committee = everybody();
        _tried(c, true, 0);
        same(tip.explorations, 1, "explorations");
    }

    /// What rules keep may be anything, up to 4,096 bytes.
    function testFuzz_state_is_taken_exactly_when_it_has_room(uint256 seed, uint16 length, bool near) public {
        Blocks.Content memory c = block_(true, seed);
        c.state = new bytes(near ? 4090 + length % 12 : length % 5000);
        for (uint256 i; i < c.state.length; i += 37) {
            c.state[i] = bytes1(uint8(seed >> (i & 127)));
        }
        _tried(c, c.state.length <= 4096, IErrors.StateTooLong.selector);
    }

    function test_headers_without_their_state_are_refused() public {
        Blocks.Content memory c = block_(true, 7);
        Blocks.Shape memory other = shape();
        other.kept = false;
        Blocks.seal(other, slot(), c);
        uint256 signers = quorum(7);
        bytes memory data = Blocks.submission(Blocks.encode(other, c, signers, signatures(Blocks.digest(c), signers)));
        check(refused(STRANGER, 0, data) == IErrors.UnknownExtension.selector, "the reason");
    }

    /// Reputations are the header's lanes, whatever they were; an eighth of the way would be seen.
    function testFuzz_reputations_are_the_weights(uint256 seed, bool approved) public {
        Blocks.Content memory c = block_(approved, seed);
        _tried(c, true, 0);
        if (tip.explorations != 0) return;
        for (uint256 seat; seat < people(); ++seat) {
            same(game.reputations()[seat], c.accuracies[seat], "a reputation");
        }
    }
}

contract VouchedFullTest is VouchedTests {
    function setUp() public {
        _begin(Kind(20, 2, 5, false, 2, false), 255 - 8 - 16);
    }
}

contract VouchedByTwoThirdsTest is VouchedTests {
    function setUp() public {
        quorumChoice = 1;
        _begin(Kind(14, 3, 4, true, 1, false), 255 - 8 - 16);
    }
}
