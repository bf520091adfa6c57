// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {Shipped, vm} from "./Shipped.sol";

/// @title Nobody but a quorum ends a round
contract Rounds is Shipped {
    uint256 private constant SIGNATURE = 64;
    uint256 private constant SIGNERS = 1; // byte of them

    bytes private signatures;

    /// @dev A game in which nobody was accused, anywhere in it.
    function _anywhere(uint32 block_) private {
        _at(block_);
        vm.assume(uint8(_read("_history.packed") >> 168) == 0);
    }

    /// @dev How many of `signers`, all of them seats, signed `content` for the open round.
    function _valid(uint256 signers, bytes32 content) private view returns (uint256 valid) {
        bytes32 digest = _statement(round, head, 2, 3, 0, content);
        uint256 at;
        bytes memory all = signatures;
        for (uint256 seat; seat < seats.length; ++seat) {
            if (signers >> seat & 1 == 0) continue;
            bytes32 r;
            bytes32 vs;
            assembly {
                r := mload(add(add(all, 32), at))
                vs := mload(add(add(all, 64), at))
            }
            if (_signer(digest, r, vs) == seats[seat]) ++valid;
            at += SIGNATURE;
        }
    }

    function _count(uint256 set) private pure returns (uint256 count) {
        for (; set != 0; set >>= 1) {
            count += set & 1;
        }
    }

    /// @dev One block whose arms share each of their sets of reports, by a known set of signers.
    function _submit(uint256 signers) private returns (bool done, bytes32 content) {
        bytes memory header = vm.randomBytes(vm.envUint("BLOCK") - SIGNERS);
        signatures = vm.randomBytes(SIGNATURE * _count(signers));
        content = keccak256(bytes.concat(abi.encodePacked(uint32(round), head, uint256(0)), header));
        bytes memory data =
            bytes.concat(abi.encodeCall(IChainBandit.submitBlocks, ()), bytes1(uint8(signers)), header, signatures);
        done = _call(environment, data);
    }

    function _skip(uint256 signers) private returns (bool) {
        signatures = vm.randomBytes(SIGNATURE * _count(signers));
        return _call(environment, abi.encodeCall(IChainBandit.skip, (0, signers, signatures)));
    }

    function check_block(uint32 block_, uint256 signers) external {
        _anywhere(block_);
        for (uint256 set; set < 1 << seats.length; ++set) {
            if (signers != set) continue;
            (bool done, bytes32 content) = _submit(set);
            if (done) assert(_valid(set, content) >= vm.envUint("QUORUM"));
            else assert(!_ended());
        }
    }

    function check_block_succeeds(uint32 block_) external {
        _anywhere(block_);
        (bool done,) = _submit(3);
        assert(!done);
    }

    /// @dev Nobody but a seat signs.
    function check_block_by_strangers(uint32 block_, uint8 signers) external {
        _anywhere(block_);
        vm.assume(signers >> seats.length != 0);
        bytes memory rest = vm.randomBytes(vm.envUint("BLOCK") - SIGNERS + SIGNATURE * seats.length);
        bytes memory data = bytes.concat(abi.encodeCall(IChainBandit.submitBlocks, ()), bytes1(signers), rest);
        assert(!_call(environment, data) && !_ended());
    }

    function check_skip(uint32 block_, uint256 signers) external {
        _anywhere(block_);
        for (uint256 set; set < 1 << seats.length; ++set) {
            if (signers != set) continue;
            if (_skip(set)) assert(_valid(set, 0) >= vm.envUint("QUORUM"));
            else assert(!_ended());
        }
    }

    function check_skip_by_strangers(uint32 block_, uint256 signers) external {
        _anywhere(block_);
        vm.assume(signers >> seats.length != 0);
        bytes memory any = vm.randomBytes(SIGNATURE * seats.length);
        assert(!_call(environment, abi.encodeCall(IChainBandit.skip, (0, signers, any))) && !_ended());
    }

    function check_skip_succeeds(uint32 block_) external {
        _anywhere(block_);
        assert(!_skip(3));
    }

    /// @dev Anybody may end a round alone, but only after its deadline.
    function check_deadline(uint32 block_, uint256 committee) external {
        _anywhere(block_);
        uint256 deadline = uint40(uint256(_read("_history.packed")) >> 88) + _term("skip_deadline");
        if (round == _term("burn_in")) deadline += _term("burn_in_blocks");
        bool done = _call(seats[0], abi.encodeCall(IChainBandit.skipAfterDeadline, (committee)));
        assert(done ? block_ > deadline : !_ended());
    }

    function check_deadline_succeeds(uint32 block_) external {
        _anywhere(block_);
        assert(!_call(seats[0], abi.encodeCall(IChainBandit.skipAfterDeadline, (0))));
    }

    /// @dev No other call ends a round of a game that was opened; those that move money are looked at beside it.
    function check_other_calls(uint32 block_, uint8 which, bytes32 word, bool participant) external {
        _anywhere(block_);
        vm.assume(_read("_genesis") != 0);
        _call(participant ? seats[0] : environment, _other(which, word));
        assert(!_ended());
    }

    function check_accusation_succeeds(uint32 block_) external {
        _anywhere(block_);
        assert(!_call(environment, _other(0, 0)));
    }

    function _other(uint8 which, bytes32 word) private returns (bytes memory) {
        if (which == 0) return bytes.concat(IChainBandit.reportEquivocation.selector, bytes32(0), vm.randomBytes(320));
        if (which == 1) return abi.encodeCall(IChainBandit.open, (word));
        if (which == 2) return abi.encodeCall(IChainBandit.join, (vm.randomBytes(67)));
        if (which == 3) return abi.encodeCall(IChainBandit.settleSums, (vm.randomBytes(8 * seats.length)));
        if (which == 4) return abi.encodeCall(IChainBandit.revealSeal, (word));
        return abi.encodeCall(IChainBandit.reveal, (word, vm.randomBytes(seats.length), ""));
    }
}
