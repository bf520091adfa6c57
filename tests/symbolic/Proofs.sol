// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {Acquittal, Equivocation, FalseReport} from "../../contracts/types/Game.sol";
import {Money} from "./Money.sol";
import {vm} from "./Shipped.sol";

/// @title The same where reports name their tally; and who is proven to lie moves no money before the end
contract Proofs is Money {
    uint256 private constant REWARD = 3; // phase
    uint256 private constant COUNTS = 8; // byte of a tally
    uint256 private constant TOTALS = 16; // likewise

    /// @dev What was before the call.
    struct Before {
        uint256 accused;
        uint256 struck;
        uint256 twice;
        uint256 acquitted;
        uint256 first; // of the seat
        uint256 tally;
        uint256 since;
        uint256[] rest; // of other seats, and of all money
    }

    function _standings() internal pure override returns (uint256) {
        return 8;
    }

    /// @dev A seat with any of the standings; of the others all that is known is that each has one.
    function _seat(uint32 block_) private returns (uint256 seat, Before memory b) {
        _opened(block_);
        seat = _any(seats.length);
        vm.assume(_stood());
        _stand(seat, _any(_standings()));
        b.accused = _read("_docket.accused");
        b.struck = _read("_proven.struck");
        b.twice = _read("_proven.twice");
        b.acquitted = _read("_proven.acquitted");
        b.first = _read("_proven.first", seat);
        b.tally = _read("_proven.tallies", seat);
        b.since = _read("_docket.since", seat);
        b.rest = _rest(seat);
    }

    /// @dev What no proof changes.
    function _rest(uint256 seat) private view returns (uint256[] memory words) {
        string[9] memory labels = [
            "_credits.units", "_credits.settledThrough", "_disclosure.malicious", "_disclosure.charge",
            "_disclosure.cost", "_disclosure.round", "_accounts.closed", "_accounts.share", "_accounts.environment"
        ];
        words = new uint256[](labels.length + 4 * seats.length + 1);
        words[words.length - 1] = address(game).balance;
        words[0] = _read(labels[0], 0);
        for (uint256 i = 1; i < labels.length; ++i) {
            words[i] = _read(labels[i]);
        }
        for (uint256 i; i < seats.length; ++i) {
            uint256 at = labels.length + 4 * i;
            words[at] = _read("_disclosure.excused", i);
            if (i == seat) continue;
            words[at + 1] = _read("_proven.first", i);
            words[at + 2] = _read("_proven.tallies", i);
            words[at + 3] = _read("_docket.since", i);
        }
    }

    /// @dev Not 0 if any of it differs.
    function _changed(uint256 seat, Before memory b) private view returns (uint256 wrong) {
        uint256[] memory words = _rest(seat);
        for (uint256 i; i < words.length; ++i) {
            wrong |= words[i] ^ b.rest[i];
        }
    }

    /// @dev Whether each seat has one of the standings.
    function _stood() private view returns (bool) {
        uint256 struck = _read("_proven.struck");
        uint256 accused = _read("_docket.accused");
        uint256 known;
        uint256 wrong;
        for (uint256 i; i < seats.length; ++i) {
            uint256 first = _read("_proven.first", i);
            assembly {
                let some := gt(and(first, 0xffffffff), 0)
                known := or(known, shl(i, some))
                wrong := or(wrong, xor(some, gt(first, 0)))
            }
        }
        wrong |= (known | struck) & ~accused | _read("_proven.acquitted") & ~known | accused >> seats.length;
        return wrong | accused & ~struck & ~known | _read("_proven.twice") & ~(accused & ~struck) == 0;
    }

    /// @dev A proof against a seat, whose tally is the root itself: a sibling's place in memory depends on its value.
    function _proof(uint256 seat) private returns (FalseReport memory proof) {
        proof.seat = uint16(seat);
        (proof.round, proof.through) = (uint32(vm.randomUint()), uint32(vm.randomUint()));
        (proof.parent, proof.root) = (bytes32(vm.randomUint()), bytes32(vm.randomUint()));
        (proof.r, proof.vs) = (bytes32(vm.randomUint()), bytes32(vm.randomUint()));
        (proof.rootR, proof.rootVs) = (bytes32(vm.randomUint()), bytes32(vm.randomUint()));
        (proof.report, proof.tally) = (vm.randomBytes(vm.envUint("REPORT")), vm.randomBytes(vm.envUint("TALLY")));
    }

    /// @dev A big-endian number of so many bytes.
    function _number(bytes memory data, uint256 at, uint256 size) private pure returns (uint256 read) {
        assembly {
            read := shr(sub(256, mul(8, size)), mload(add(add(data, 32), at)))
        }
    }

    /// @dev Whether a report of two arms follows from the tally.
    function _follows(FalseReport memory proof) private view returns (bool) {
        bytes32 salt = keccak256(abi.encodePacked(_read("_seed"), "counts", proof.round, proof.seat));
        bytes8 counts = bytes8(uint64(_number(proof.tally, COUNTS, 8)));
        uint256 wrong = _number(proof.report, 12, 32) ^ uint256(keccak256(abi.encodePacked(counts, salt)));
        for (uint256 arm; arm < 2; ++arm) {
            uint256 count = _number(proof.tally, COUNTS + 4 * arm, 4);
            uint256 total = _number(proof.tally, TOTALS + 8 * arm, 8);
            wrong |= _number(proof.report, 4 * arm, 4) ^ (count == 0 ? 0 : total / count);
        }
        return wrong == 0;
    }

    /// @dev Whether the seat signed the report, and the environment the root.
    function _signed(FalseReport memory proof) private view returns (bool) {
        bytes32 report = _statement(proof.round, proof.parent, 1, 1, proof.seat, keccak256(proof.report));
        bytes32 root = _statement(proof.through, bytes32(_read("_genesis")), REWARD, 7, 0, proof.root);
        address author = _signer(report, proof.r, proof.vs);
        address by = _signer(root, proof.rootR, proof.rootVs);
        return by == environment && author == seats[proof.seat];
    }

    /// @dev Whether the tally, of the round that the report names, is the root.
    function _rooted(FalseReport memory proof) private pure returns (bool) {
        uint32 named = uint32(_number(proof.report, 8, 4));
        return keccak256(abi.encodePacked(named, proof.seat, proof.tally)) == proof.root;
    }

    /// @dev Nobody is proven to lie who did not sign the report, or whose report follows from a tally that the
    /// environment signed. What was proven before is read only later.
    function check_false_report(uint32 block_) external {
        _opened(block_);
        uint256 seat = _any(seats.length);
        _stand(seat, NOTHING);
        FalseReport memory proof = _proof(seat);
        proof.arm = uint8(_any(_term("arms") + 1));
        if (_reportFalse(proof)) assert(_signed(proof) && _rooted(proof) && !_follows(proof));
    }

    function check_false_report_succeeds(uint32 block_) external {
        _opened(block_);
        _stand(0, NOTHING);
        assert(!_reportFalse(_proof(0)));
    }

    function _reportFalse(FalseReport memory proof) private returns (bool) {
        return _call(seats[1], abi.encodeCall(IChainBandit.reportFalse, (proof)));
    }

    /// @dev A report that tells a reward of an arm that was not pulled: what is false of it is not read again.
    function _lie(uint256 seat) private returns (FalseReport memory proof) {
        proof = _proof(seat);
        for (uint256 i; i < 8; ++i) {
            proof.tally[COUNTS + i] = 0;
            if (i < 4) proof.report[i] = bytes1(uint8(i / 3));
        }
    }

    /// @dev A proof puts its author on the block list. Who is on it stays as long; a further proof gives back neither a
    /// round nor a unit. It is no other seat's matter, and moves no money.
    function check_proven(uint32 block_) external {
        (uint256 seat, Before memory b) = _seat(block_);
        FalseReport memory proof = _lie(seat);
        if (!_reportFalse(proof)) return;
        (uint256 bit, uint256 first, uint256 wrong) = (1 << seat, _read("_proven.first", seat), _changed(seat, b));
        bool fresh = b.accused & bit == 0;
        wrong |= _read("_docket.accused") ^ (b.accused | bit) | _read("_proven.struck") ^ b.struck;
        wrong |= _read("_proven.acquitted") ^ b.acquitted | b.acquitted & bit | _read("_proven.twice") ^ b.twice;
        wrong |= fresh ? 0 : _read("_docket.since", seat) ^ b.since;
        wrong |= _greater(uint32(first), proof.round) | _greater(first >> 64, _number(proof.tally, 0, COUNTS));
        if (b.first != 0) wrong |= _greater(first >> 64, b.first >> 64) | _greater(uint32(first), uint32(b.first));
        assert(wrong == 0 && first != 0 && _stood() && !_ended() && _signed(proof));
    }

    function check_proven_succeeds(uint32 block_) external {
        _opened(block_);
        _stand(0, LIED);
        assert(!_reportFalse(_lie(0)));
    }

    /// @dev Of a lie that is in force only a receipt acquits, of the round that the report named, with another tally;
    /// in a game that is not closed. Its author stays on the block list; it is no other seat's matter, and moves no
    /// money.
    function check_acquit(uint32 block_, Acquittal memory shown) external {
        (uint256 seat, Before memory b) = _seat(block_);
        shown.seat = uint16(seat);
        if (!_call(seats[1], abi.encodeCall(IChainBandit.acquit, (shown)))) return;
        bytes32 content = keccak256(abi.encodePacked(shown.arm, uint32(shown.reward), shown.tally));
        bytes32 receipt = _statement(uint32(b.first >> 32), shown.parent, REWARD, 5, seat, content);
        assert(_signer(receipt, shown.r, shown.vs) == environment && uint256(shown.tally) != b.tally);
        assert(_stood() && !_ended() && _changed(seat, b) == 0 && _read("_accounts.closed") == 0);
        uint256 bit = 1 << seat;
        assert(b.first != 0 && b.acquitted & bit == 0 && _read("_proven.acquitted") == b.acquitted | bit);
        assert(_read("_docket.accused") == b.accused);
        assert(_read("_proven.struck") == b.struck && _read("_proven.twice") == b.twice);
        assert(_read("_proven.first", seat) == b.first && _read("_docket.since", seat) == b.since);
    }

    function check_acquit_succeeds(uint32 block_, Acquittal memory shown) external {
        _opened(block_);
        _stand(0, LIED);
        shown.seat = 0;
        assert(!_call(seats[1], abi.encodeCall(IChainBandit.acquit, (shown))));
    }

    /// @dev Two contents in one slot put their author on the block list, or are noted of whoever lied before. They are
    /// no other seat's matter, and move no money.
    function check_equivocation(uint32 block_, Equivocation memory proof) external {
        (uint256 seat, Before memory b) = _seat(block_);
        proof.seat = uint16(seat);
        if (!_call(seats[1], abi.encodeCall(IChainBandit.reportEquivocation, (proof)))) return;
        assert(_stood() && !_ended() && _changed(seat, b) == 0);
        uint256 bit = 1 << seat;
        bool fresh = b.accused & bit == 0;
        assert(_read("_docket.accused") == b.accused | bit && (fresh || _read("_docket.since", seat) == b.since));
        assert(_read("_proven.twice") == (fresh ? b.twice : b.twice | bit));
        assert(b.twice & bit == 0);
        assert(_read("_proven.struck") == (fresh ? b.struck | bit : b.struck));
        assert(_read("_proven.acquitted") == b.acquitted && _read("_proven.first", seat) == b.first);
    }

    function check_equivocation_succeeds(uint32 block_, Equivocation memory proof) external {
        _opened(block_);
        _stand(0, LIED);
        proof.seat = 0;
        assert(!_call(seats[1], abi.encodeCall(IChainBandit.reportEquivocation, (proof))));
    }
}
