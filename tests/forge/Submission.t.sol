// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {IErrors} from "../../contracts/interfaces/IErrors.sol";
import {APPROVED, REJECTED, SKIP} from "../../contracts/types/Game.sol";
import {Blocks} from "./Blocks.sol";
import {Play} from "./Play.sol";
import {vm} from "./Vm.sol";

/// @title What is recorded: what a quorum of this game's seats signed for this very round, in its only encoding
contract SubmissionTest is Play {
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function setUp() public {
        _opened(0);
    }

    function _unchanged() private view {
        check(game.head() == head && game.nextRound() == round, "a refused call that changed the history");
    }

    function _recorded() private view {
        same(game.head(), head, "the head");
        same(game.nextRound(), round, "the open round");
        for (uint256 i; i < notes.length; ++i) {
            check(game.isApproved(uint32(p.burnIn + i)) == (notes[i].kind == APPROVED), "isApproved");
        }
    }

    /// Says whether this test can fail: `make forge` with `PLANT_FAILURE=true` must go red.
    function test_planted() public view {
        check(!vm.envOr("PLANT_FAILURE", false), "planted");
    }

    function testFuzz_block_is_recorded_exactly_when_a_quorum_of_seats_signed(uint256 signers, uint256 seed, bool wide)
        public
    {
        if (!wide) signers %= 2 ** (PEOPLE + 1);
        bool approved = seed >> 200 & 1 == 0;
        Blocks.Content memory content = block_(approved, seed);
        bytes memory data = signed(content, signers);
        if (signers <= EVERYBODY && Blocks.bits(signers) >= QUORUM) {
            must(STRANGER, 0, data);
            note(Blocks.kindOf(approved), content.header);
            _recorded();
        } else {
            bytes4 error = refused(STRANGER, 0, data);
            bytes4 wanted = signers > EVERYBODY ? IErrors.UnknownSigners.selector : IErrors.QuorumMissing.selector;
            check(error == wanted, "the reason");
            _unchanged();
        }
    }

    function testFuzz_skip_is_recorded_exactly_when_a_quorum_of_seats_signed(uint256 signers) public {
        signers %= 2 ** (PEOPLE + 1);
        bytes memory data = Blocks.skip(signers, signatures(0, signers));
        if (signers <= EVERYBODY && Blocks.bits(signers) >= QUORUM) {
            must(STRANGER, 0, data);
            note(SKIP, "");
            _recorded();
        } else {
            refused(STRANGER, 0, data);
            _unchanged();
        }
    }

    function testFuzz_history_follows_any_course(uint256 course) public {
        for (; round <= p.horizon; course >>= 4) {
            uint256 kind = course & 3;
            if (kind == 0) {
                must(STRANGER, 0, Blocks.skip(EVERYBODY, signatures(0, EVERYBODY)));
                note(SKIP, "");
            } else {
                Blocks.Content memory content = block_(kind != 1, course);
                must(STRANGER, 0, signed(content, quorum(course)));
                note(Blocks.kindOf(kind != 1), content.header);
            }
            _recorded();
        }
        check(game.isOver(), "the end");
        refused(STRANGER, 0, Blocks.skip(EVERYBODY, signatures(0, EVERYBODY)));
        _unchanged();
    }

    function testFuzz_certificate_of_another_slot_is_refused(uint8 which, uint256 other, uint256 seed) public {
        approve(seed);
        Blocks.Slot memory wrong = slot();
        if (which % 6 == 0) wrong.chainId = within(other, 1, 2 ** 60);
        if (which % 6 == 1) wrong.at = address(uint160(other));
        if (which % 6 == 2) wrong.game = bytes32(other);
        if (which % 6 == 3) wrong.round = uint32(other);
        if (which % 6 == 4) wrong.parent = bytes32(other);
        Blocks.Content memory content = block_(true, seed);
        bytes32 signedContent = which % 6 == 5 ? bytes32(other) : Blocks.digest(content);
        bytes32 statement = Blocks.statement(wrong, signedContent);
        vm.assume(statement != Blocks.statement(slot(), Blocks.digest(content)));
        bytes4 error =
            refused(STRANGER, 0, Blocks.submission(content, EVERYBODY, Blocks.signatures(keys, EVERYBODY, statement)));
        check(error == IErrors.InvalidSignature.selector, "the reason");
        _unchanged();
    }

    function testFuzz_block_of_another_slot_is_refused_whoever_signs(uint8 which, uint256 other, uint256 seed) public {
        Blocks.Slot memory wrong = slot();
        if (which & 1 == 0) wrong.round = uint32(other);
        else wrong.parent = bytes32(other);
        vm.assume(wrong.round != round || wrong.parent != head);
        Blocks.Content memory content = Blocks.some(wrong, PEOPLE, ARMS, true, seed);
        refused(STRANGER, 0, signed(content, EVERYBODY));
        _unchanged();
    }

    function testFuzz_block_is_recorded_once(uint256 seed) public {
        Blocks.Content memory content = block_(true, seed);
        bytes memory data = signed(content, EVERYBODY);
        must(STRANGER, 0, data);
        note(APPROVED, content.header);
        refused(STRANGER, 0, data);
        _recorded();
    }

    function testFuzz_signature_of_any_other_key_is_refused(uint256 key, uint256 seed) public {
        key = within(key, 1, ORDER - 1);
        uint256 seat = seed % PEOPLE;
        vm.assume(key != keys[seat]);
        Blocks.Content memory content = block_(true, seed);
        keys[seat] = key;
        refused(STRANGER, 0, signed(content, EVERYBODY));
        _unchanged();
    }

    function testFuzz_signatures_in_another_order_are_refused(uint256 seed) public {
        Blocks.Content memory content = block_(true, seed);
        uint256 one = seed % PEOPLE;
        uint256 two = (one + 1 + (seed >> 8) % (PEOPLE - 1)) % PEOPLE;
        if (seed & 1 == 0) (keys[one], keys[two]) = (keys[two], keys[one]);
        else keys[one] = keys[two];
        refused(STRANGER, 0, signed(content, EVERYBODY));
        _unchanged();
    }

    function testFuzz_signature_with_other_bytes_is_refused(bytes32 r, bytes32 s, uint256 seat) public {
        Blocks.Content memory content = block_(true, seat);
        bytes memory all = signatures(Blocks.digest(content), EVERYBODY);
        uint256 at = 32 + 64 * (seat % PEOPLE);
        bytes32 before;
        assembly {
            before := mload(add(all, at))
            mstore(add(all, at), r)
            mstore(add(all, add(at, 32)), s)
        }
        vm.assume(before != r);
        refused(STRANGER, 0, Blocks.submission(content, EVERYBODY, all));
        _unchanged();
    }

    function testFuzz_any_changed_byte_of_a_submission_is_refused(uint256 at, uint8 change, uint256 seed) public {
        vm.assume(change != 0);
        bytes memory data = signed(block_(seed & 1 == 0, seed), quorum(seed >> 64));
        at %= data.length;
        data[at] = bytes1(uint8(data[at]) ^ change);
        refused(STRANGER, 0, data);
        _unchanged();
    }

    function testFuzz_longer_or_shorter_submission_is_refused(bytes memory tail, uint256 cut, uint256 seed) public {
        bytes memory data = signed(block_(true, seed), EVERYBODY);
        if (tail.length == 0) {
            uint256 length = cut % data.length;
            assembly {
                mstore(data, length)
            }
        } else {
            data = bytes.concat(data, tail);
        }
        refused(STRANGER, 0, data);
        _unchanged();
    }

    function testFuzz_no_call_of_a_stranger_changes_the_history(bytes4 selector, bytes memory rest, uint256 wei_)
        public
    {
        bytes4[13] memory known = [
            IChainBandit.submitBlock.selector, IChainBandit.skip.selector, IChainBandit.skipAfterDeadline.selector,
            IChainBandit.settleRewards.selector, IChainBandit.reveal.selector, IChainBandit.settleCosts.selector,
            IChainBandit.close.selector, IChainBandit.withdraw.selector, IChainBandit.open.selector,
            IChainBandit.join.selector, IChainBandit.revealCounts.selector, selector, bytes4(0)
        ];
        bytes memory data = bytes.concat(known[uint32(selector) % 13], rest);
        uint256 held = address(game).balance;
        (, bytes memory state) = address(game).staticcall(abi.encodeCall(IChainBandit.progress, ()));
        (bool done,) = call(STRANGER, wei_ % 1e20, data);
        (, bytes memory after_) = address(game).staticcall(abi.encodeCall(IChainBandit.progress, ()));
        check(keccak256(state) == keccak256(after_), "progress after a stranger's call");
        same(address(game).balance, held, "wei after a stranger's call");
        if (done) {
            (bool read,) = address(game).staticcall(data);
            check(read, "a call that is no view succeeded");
        }
        _unchanged();
    }

    function testFuzz_wei_sent_along_are_refused(uint256 wei_, uint256 seed) public {
        wei_ = within(wei_, 1, 1e20);
        refused(STRANGER, wei_, signed(block_(true, seed), EVERYBODY));
        refused(STRANGER, wei_, "");
        _unchanged();
    }

    function testFuzz_fork_with_another_chain_id_takes_only_its_own_certificates(uint64 id, uint256 seed) public {
        vm.assume(id != 0 && id != vm.getChainId());
        Blocks.Content memory content = block_(true, seed);
        bytes memory here = signed(content, EVERYBODY);
        vm.chainId(id);
        refused(STRANGER, 0, here);
        _unchanged();
        must(STRANGER, 0, signed(content, EVERYBODY));
        note(APPROVED, content.header);
        _recorded();
    }

    function testFuzz_caller_in_between_is_refused(address between, address origin, uint256 seed) public {
        vm.assume(between != origin && between != address(vm) && between != address(game));
        bytes memory data = signed(block_(true, seed), EVERYBODY);
        vm.prank(between, origin);
        (bool done,) = address(game).call(data);
        check(!done, "a call that somebody passed on");
        _unchanged();
    }

    function testFuzz_deadline_alone_skips(uint256 blocks, uint256 rounds) public {
        for (uint256 i; i < rounds % 4; ++i) {
            approve(i);
        }
        uint256 wait = p.skipDeadline + (round == p.burnIn ? p.burnInBlocks : 0);
        blocks = within(blocks, 0, 2 * wait);
        vm.roll(vm.getBlockNumber() + blocks);
        bytes memory data = abi.encodeCall(IChainBandit.skipAfterDeadline, ());
        if (blocks > wait) {
            must(STRANGER, 0, data);
            note(SKIP, "");
        } else {
            refused(STRANGER, 0, data);
        }
        _recorded();
    }
}
