// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {IErrors} from "../../contracts/interfaces/IErrors.sol";
import {APPROVED, Equivocation} from "../../contracts/types/Game.sol";
import {Blocks} from "./Blocks.sol";
import {Play} from "./Play.sol";
import {vm} from "./Vm.sol";

/// @title What is recorded: what a quorum of this game's seats signed for this very round, in its only encoding
abstract contract SubmissionTests is Play {
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    /// @dev After a record each, so that committees, where there are any, have formed.
    function _begin(Kind memory kind_) internal {
        kind = kind_;
        _opened(0);
        approve(1);
        approve(2);
    }

    function _unchanged() private view {
        check(agrees(), "a refused call that changed the game");
    }

    function _recorded() private view {
        check(agrees(), "a record that is not the one in the books");
    }

    /// Says whether this test can fail: `make forge` with `PLANT_FAILURE=true` must go red.
    function test_planted() public view {
        check(!vm.envOr("PLANT_FAILURE", false), "planted");
    }

    function testFuzz_block_is_recorded_exactly_when_a_quorum_of_its_validators_signed(uint256 signers, uint256 seed, bool wide)
        public
    {
        uint256 size = 2 ** (8 * ((people() + 7) / 8));
        signers = wide ? signers % size : signers & validators();
        Blocks.Content memory c = block_(seed >> 200 & 1 == 0, seed);
        bytes memory data = signed(c, signers);
        if (certifies(signers)) {
            must(STRANGER, 0, data);
            note(c);
            _recorded();
        } else {
            bytes4 error = refused(STRANGER, 0, data);
            bytes4 wanted = signers & ~validators() == 0 ? IErrors.QuorumMissing.selector : IErrors.UnknownSigners.selector;
            if (signers == 0) wanted = IErrors.CertificateMissing.selector;
            // Nobody holds the seats beyond the last: then the calldata is too short.
            check(error == wanted || signers > everybody(), "the reason");
            _unchanged();
        }
    }

    function testFuzz_skip_is_recorded_exactly_when_a_quorum_of_its_validators_signed(uint256 signers, bool wide) public {
        signers = wide ? signers % 2 ** (people() + 1) : signers & validators();
        bytes memory data = skipping(signers);
        if (certifies(signers)) {
            must(STRANGER, 0, data);
            noteSkip();
            _recorded();
        } else {
            refused(STRANGER, 0, data);
            _unchanged();
        }
    }

    /// Any blocks, skips, waits and proofs, to the end.
    function testFuzz_history_follows_any_course(uint256 course) public {
        for (; tip.round <= p.horizon; course >>= 8) {
            uint256 seat = (course >> 3) % people();
            if (course & 192 == 0 && since[seat] == 0) accuse(seat, course);
            if (!certifies(validators())) refused(STRANGER, 0, skipping(validators()));
            if (course & 7 == 0 || !certifies(validators())) {
                waitOut();
            } else if (course & 7 == 1) {
                skip(quorum(course));
            } else {
                Blocks.Content memory c = block_(course & 7 != 2, course);
                must(STRANGER, 0, signed(c, quorum(course)));
                note(c);
            }
            _recorded();
        }
        check(game.isOver(), "the end");
        refused(STRANGER, 0, skipping(everybody()));
        _unchanged();
    }

    /// A batch is what its blocks are one by one. Where everybody validates, the last one's quorum vouches for those
    /// before it; with committees each has its own.
    function testFuzz_batch_is_recorded_exactly_when_what_must_be_certified_is(uint256 seed, uint256 signers, uint8 certified)
        public
    {
        uint256 count = 1 + seed % (p.horizon - tip.round + 1);
        uint256 start = vm.snapshotState();
        bytes memory all;
        bool taken = true;
        for (uint256 i; i < count && tip.round <= p.horizon; ++i) {
            Blocks.Content memory c = block_(seed >> i & 3 != 0, uint256(keccak256(abi.encode(seed, i))));
            bool last = i + 1 == count || after_(tip, Blocks.kindOf(c), 0, c.accuracies).round > p.horizon;
            uint256 who = last ? signers & everybody() : certified >> i & 1 == 1 ? quorum(seed >> i) : 0;
            if (last && seed >> 250 & 1 == 0) who = quorum(signers);
            if (seed >> 240 & 3 == 0 && !last) who = quorum(seed >> i);
            taken = taken && (certifies(who) || (who == 0 && !last && !shape().committees));
            all = bytes.concat(all, Blocks.encode(shape(), c, who, signatures(Blocks.digest(c), who)));
            note(c);
        }
        if (taken) {
            must(STRANGER, 0, Blocks.submission(all));
            _recorded();
        } else {
            refused(STRANGER, 0, Blocks.submission(all));
            vm.revertToState(start);
            _unchanged();
        }
    }

    /// What a batch passes over, leaves out, repeats or puts in another order is refused.
    function testFuzz_batch_in_another_order_is_refused(uint256 seed, uint8 how) public {
        uint256 start = vm.snapshotState();
        bytes[] memory parts = new bytes[](3);
        for (uint256 i; i < 3; ++i) {
            Blocks.Content memory c = block_(true, uint256(keccak256(abi.encode(seed, i))));
            parts[i] = Blocks.encode(shape(), c, quorum(seed), signatures(Blocks.digest(c), quorum(seed)));
            note(c);
        }
        vm.revertToState(start);
        bytes memory all = bytes.concat(parts[0], parts[2], parts[1]);
        if (how % 5 == 1) all = bytes.concat(parts[1], parts[2]);
        if (how % 5 == 2) all = bytes.concat(parts[0], parts[2]);
        if (how % 5 == 3) all = bytes.concat(parts[0], parts[0], parts[1], parts[2]);
        if (how % 5 == 4) all = bytes.concat(parts[2], parts[1], parts[0]);
        refused(STRANGER, 0, Blocks.submission(all));
        _unchanged();
        must(STRANGER, 0, Blocks.submission(bytes.concat(parts[0], parts[1], parts[2])));
    }

    /// Where a block without signers may stand between others, the next quorum's signatures cover it: no byte can change.
    function testFuzz_any_changed_byte_of_a_batch_is_refused(uint256 at, uint8 change, uint256 seed) public {
        vm.assume(change != 0);
        uint256 start = vm.snapshotState();
        bytes memory all;
        for (uint256 i; i < 3; ++i) {
            Blocks.Content memory c = block_(seed >> i & 1 == 0, uint256(keccak256(abi.encode(seed, i))));
            bool alone = i == 2 || shape().committees || seed >> (8 + i) & 1 == 1;
            uint256 who = alone ? quorum(seed >> 16) : 0;
            all = bytes.concat(all, Blocks.encode(shape(), c, who, signatures(Blocks.digest(c), who)));
            note(c);
        }
        vm.revertToState(start);
        bytes memory data = Blocks.submission(all);
        at %= data.length;
        data[at] = bytes1(uint8(data[at]) ^ change);
        refused(STRANGER, 0, data);
        _unchanged();
    }

    function testFuzz_who_is_blocked_neither_reports_nor_signs(uint256 seed, uint256 seat) public {
        seat %= people();
        accuse(seat, seed);
        for (; tip.round < since[seat];) {
            check(game.blocked() == 0, "blocked too early");
            approve(seed);
        }
        same(game.blocked(), 1 << seat, "blocked");
        Blocks.Content memory c = block_(true, seed);
        check(refused(STRANGER, 0, signed(c, quorum(seed) | 1 << seat)) == IErrors.UnknownSigners.selector, "signs");
        uint256 eligible = everybody() & ~(1 << seat);
        c = Blocks.some(shape(), everybody(), true, seed | 1 << seat);
        seal(tip, c);
        bytes4 error = refused(STRANGER, 0, signed(c, quorum(seed)));
        check(error == IErrors.UnknownReporters.selector, "reports");
        check(c.reporters & ~eligible != 0, "nobody blocked reported");
        _unchanged();
        refused(STRANGER, 0, abi.encodeCall(IChainBandit.reportEquivocation, (evidence(seat, seed ^ 1))));
        playOut();
        _recorded();
        same(game.blocked(), 1 << seat, "still blocked");
    }

    function testFuzz_proof_is_two_contents_signed_in_one_slot(uint256 seat, uint256 seed, uint8 how, uint256 other) public {
        seat %= people();
        Equivocation memory proof = evidence(seat, seed);
        bytes32 wrong = bytes32(other);
        if (how % 12 == 0) (proof.otherContent, proof.otherR, proof.otherVs) = (proof.content, proof.r, proof.vs);
        if (how % 12 == 1) proof.seat = uint16((seat + 1 + other % (people() - 1)) % people());
        if (how % 12 == 2) proof.round ^= uint32(1 << other % 32);
        if (how % 12 == 3) proof.parent = wrong;
        if (how % 12 == 4) (proof.phase, proof.role) = (uint8(other), uint8(other >> 8));
        if (how % 12 == 5) proof.content = wrong;
        if (how % 12 == 6) proof.otherContent = wrong;
        if (how % 12 == 7) (proof.r, proof.vs) = (proof.otherR, proof.otherVs);
        if (how % 12 == 8) proof.otherVs = wrong;
        if (how % 12 == 9) proof.r = wrong;
        if (how % 12 == 10) proof.seat = uint16(people() + other % 100);
        bytes memory data = abi.encodeCall(IChainBandit.reportEquivocation, (proof));
        if (keccak256(abi.encode(proof)) == keccak256(abi.encode(evidence(seat, seed)))) {
            must(STRANGER, 0, data);
            noteAccusation(seat);
        } else {
            refused(STRANGER, 0, data);
        }
        _unchanged();
    }

    /// Signatures of another game, chain or contract prove nothing; nor does what relays, or roles that are none, sign.
    function testFuzz_proof_of_another_place_or_role_is_refused(uint256 seat, uint256 seed, uint8 how, uint256 other)
        public
    {
        seat %= people();
        Blocks.Slot memory at = slot();
        (uint8 phase, uint8 role) = (2, 3);
        if (how % 4 == 0) at.chainId = uint64(other);
        if (how % 4 == 1) at.at = address(uint160(other));
        if (how % 4 == 2) at.game = bytes32(other);
        if (how % 4 == 3) (phase, role) = (uint8(other), uint8(other >> 8));
        bool proves = at.chainId == vm.getChainId() && at.at == address(game) && at.game == game.game()
            && ((role == 1 && (phase == 1 || phase == 2)) || (role == 3 && phase == 2));
        vm.assume(!proves);
        Equivocation memory proof =
            Blocks.evidence(at, keys[seat], uint16(seat), phase, role, bytes32(seed), bytes32(~seed));
        refused(STRANGER, 0, abi.encodeCall(IChainBandit.reportEquivocation, (proof)));
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
        uint256 all = validators();
        bytes4 error = refused(STRANGER, 0, submission(content, all, Blocks.signatures(keys, all, statement)));
        check(error == IErrors.InvalidSignature.selector, "the reason");
        _unchanged();
    }

    /// What the contract fills in itself is not what another slot's block was signed with.
    function testFuzz_block_of_another_slot_is_refused_whoever_signs(uint8 which, uint256 other, uint256 seed) public {
        Blocks.Slot memory wrong = slot();
        if (which % 3 == 0) wrong.round = uint32(other);
        if (which % 3 == 1) wrong.parent = bytes32(other);
        if (which % 3 == 2) wrong.blocked = other;
        vm.assume(wrong.round != tip.round || wrong.parent != tip.head || wrong.blocked != 0);
        Blocks.Content memory c = block_(true, seed);
        Blocks.seal(shape(), wrong, c);
        refused(STRANGER, 0, signed(c, validators()));
        _unchanged();
    }

    /// Whoever signs it, a committee other than the best is refused, with a block or a skip.
    function testFuzz_wrong_committee_is_refused_whoever_signs(uint256 committee, uint256 seed) public {
        Blocks.Content memory c = block_(true, seed);
        committee %= 2 ** people();
        if (shape().committees) c.committee = committee;
        bool wrong = !mayName(tip, c);
        Blocks.seal(shape(), slot(), c);
        bytes memory data = signed(c, quorum(seed));
        if (wrong) {
            refused(STRANGER, 0, data);
            _unchanged();
        } else {
            must(STRANGER, 0, data);
        }
    }

    function testFuzz_block_is_recorded_once(uint256 seed) public {
        Blocks.Content memory content = block_(true, seed);
        bytes memory data = signed(content, quorum(seed));
        must(STRANGER, 0, data);
        note(content);
        refused(STRANGER, 0, data);
        _recorded();
    }

    function testFuzz_signature_of_any_other_key_is_refused(uint256 key, uint256 seed) public {
        key = within(key, 1, ORDER - 1);
        uint256 seat = _validator(seed);
        vm.assume(key != keys[seat]);
        Blocks.Content memory content = block_(true, seed);
        keys[seat] = key;
        check(refused(STRANGER, 0, signed(content, validators())) == IErrors.InvalidSignature.selector, "the reason");
        _unchanged();
    }

    function testFuzz_signatures_in_another_order_are_refused(uint256 seed) public {
        Blocks.Content memory content = block_(true, seed);
        uint256 one = _validator(seed);
        uint256 two = _validator(seed >> 8);
        vm.assume(one != two);
        if (seed & 1 == 0) (keys[one], keys[two]) = (keys[two], keys[one]);
        else keys[one] = keys[two];
        refused(STRANGER, 0, signed(content, validators()));
        _unchanged();
    }

    function testFuzz_signature_with_other_bytes_is_refused(bytes32 r, bytes32 s, uint256 seat) public {
        Blocks.Content memory content = block_(true, seat);
        bytes memory all = signatures(Blocks.digest(content), validators());
        uint256 at = 32 + 64 * (seat % (all.length / 64));
        bytes32 before;
        assembly {
            before := mload(add(all, at))
            mstore(add(all, at), r)
            mstore(add(all, add(at, 32)), s)
        }
        vm.assume(before != r);
        refused(STRANGER, 0, submission(content, validators(), all));
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
        bytes memory data = signed(block_(true, seed), validators());
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
        bytes4[15] memory known = [
            IChainBandit.submitBlocks.selector, IChainBandit.skip.selector, IChainBandit.skipAfterDeadline.selector,
            IChainBandit.settleRewards.selector, IChainBandit.reveal.selector, IChainBandit.settleCosts.selector,
            IChainBandit.close.selector, IChainBandit.withdraw.selector, IChainBandit.open.selector,
            IChainBandit.join.selector, IChainBandit.reportEquivocation.selector,
            IChainBandit.settleSums.selector, IChainBandit.revealSeal.selector, selector, bytes4(0)
        ];
        bytes memory data = bytes.concat(known[uint32(selector) % 15], rest);
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
        refused(STRANGER, wei_, signed(block_(true, seed), validators()));
        refused(STRANGER, wei_, "");
        _unchanged();
    }

    function testFuzz_fork_with_another_chain_id_takes_only_its_own_certificates(uint64 id, uint256 seed) public {
        vm.assume(id != 0 && id != vm.getChainId());
        Blocks.Content memory content = block_(true, seed);
        bytes memory here = signed(content, quorum(seed));
        vm.chainId(id);
        refused(STRANGER, 0, here);
        _unchanged();
        must(STRANGER, 0, signed(content, quorum(seed)));
        note(content);
        _recorded();
    }

    function testFuzz_caller_in_between_is_refused(address between, address origin, uint256 seed) public {
        vm.assume(between != origin && between != address(vm) && between != address(game));
        bytes memory data = signed(block_(true, seed), validators());
        vm.prank(between, origin);
        (bool done,) = address(game).call(data);
        check(!done, "a call that somebody passed on");
        _unchanged();
    }

    function testFuzz_deadline_alone_skips(uint256 blocks, bool first, uint256 committee) public {
        if (first) _opened(0);
        uint256 wait = p.skipDeadline + (first ? p.burnInBlocks : 0);
        blocks = within(blocks, 0, 2 * wait);
        vm.roll(vm.getBlockNumber() + blocks);
        if (committee & 1 == 0) committee = committeeAfterSkip();
        bool right = committee == committeeAfterSkip();
        bytes memory data = abi.encodeCall(IChainBandit.skipAfterDeadline, (committee));
        if (blocks > wait && right) {
            must(STRANGER, 0, data);
            noteSkip();
        } else {
            refused(STRANGER, 0, data);
        }
        _recorded();
    }

    /// @dev A validator of the open round.
    function _validator(uint256 seed) private view returns (uint256 seat) {
        seat = seed % people();
        while (validators() >> seat & 1 == 0) {
            seat = (seat + 1) % people();
        }
    }
}

contract FullTest is SubmissionTests {
    function setUp() public {
        _begin(Kind(4, 2, 4, false, 1, false));
    }
}

/// forge-config: deep.fuzz.runs = 10000
contract CompactCommitteesTest is SubmissionTests {
    function setUp() public {
        _begin(Kind(7, 2, 4, true, 1, false));
    }
}

/// forge-config: deep.fuzz.runs = 10000
contract DrawnTest is SubmissionTests {
    function setUp() public {
        _begin(Kind(7, 2, 7, false, 1, true));
    }
}

/// @dev The contract takes everything on the quorum's word that a rule may ask for.
/// forge-config: deep.fuzz.runs = 10000
contract VouchedTest is SubmissionTests {
    function setUp() public {
        asked = 255 - 8 - 16;
        _begin(Kind(7, 2, 4, false, 1, false));
    }
}

/// @dev Weights that move the best by reputation.
/// forge-config: deep.fuzz.runs = 10000
contract VouchedCompactTest is SubmissionTests {
    function setUp() public {
        asked = 1 + 2 + 32 + 64;
        _begin(Kind(7, 2, 4, true, 1, false));
    }
}
