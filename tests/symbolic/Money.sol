// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {CostEntry} from "../../contracts/types/Game.sol";
import {Reenters} from "./Reenters.sol";
import {Shipped, vm} from "./Shipped.sol";

/// @title Money is conserved by every call that moves it, and nobody is paid twice
contract Money is Shipped {
    // What may be proven of a seat.
    uint256 internal constant NOTHING = 0;
    uint256 internal constant TWICE = 1; // it signed two contents in one slot
    uint256 internal constant LIED = 2; // in a report, and no more
    uint256 internal constant CLEARED = 3; // of such a lie it was acquitted
    uint256 internal constant AFTERWARDS = 4; // both of these once more, and two contents later
    uint256 internal constant BEFORE = 6; // and once more, after two contents

    uint256 private constant PULL = 5; // bytes
    uint256 private constant SIGNED = 96; // bytes of a root of tallies, and of the signature under it
    uint256 private constant ARM_AT = 101; // byte of a header
    uint256 private constant END = 2 ** 20; // the last block that may record; blocks are only compared with it

    /// @dev How many of these can be in this game: its reports name no tally.
    function _standings() internal pure virtual returns (uint256) {
        return LIED;
    }

    /// @dev An opened game, any storage. Where the code asks for one part of a number, that part is written by itself:
    /// a solver has no time to find it out at each branch.
    function _opened(uint32 block_) internal {
        uint256 packed = _read("_history.packed");
        _write("_history.packed", packed >> 168 << 168 | END << 128 | uint128(packed));
        _at(block_);
        vm.assume(round >= _term("burn_in"));
        vm.assume(round <= _term("horizon") + 1);
        _sit();
    }

    /// @dev Any number below `count`, each on a path of its own.
    function _any(uint256 count) internal returns (uint256 each) {
        uint256 any = vm.randomUint();
        while (each + 1 < count && any != each) {
            ++each;
        }
    }

    /// @dev Says what is proven of a seat, and leaves open what is of all others.
    function _stand(uint256 seat, uint256 standing) internal {
        bool false_ = standing >= LIED;
        bool first = standing < BEFORE;
        _set("_docket.accused", seat, standing != NOTHING);
        _set("_proven.struck", seat, standing == TWICE || !first);
        _set("_proven.acquitted", seat, false_ && standing % 2 == 1);
        _set("_proven.twice", seat, standing >= AFTERWARDS && first);
        if (false_) vm.assume(uint32(_read("_proven.first", seat)) != 0);
        else _write("_proven.first", seat, 0);
    }

    /// @dev Empties the sets before each seat is put into some: bits that nobody set cost a solver time at each branch.
    function _nobodyStands() private {
        _write("_docket.accused", 0);
        _write("_proven.struck", 0);
        _write("_proven.acquitted", 0);
        _write("_proven.twice", 0);
    }

    /// @dev Says what is proven of everybody, among the first of these.
    function _standAmong(uint256 count) internal {
        _nobodyStands();
        if (count > _standings()) count = _standings();
        for (uint256 i; i < seats.length; ++i) {
            _stand(i, _any(count));
        }
    }

    /// @dev Says whether a seat is in a set, which holds seats alone.
    function _set(string memory label, uint256 seat, bool holds) internal {
        uint256 others = _read(label) & (1 << seats.length) - 1 & ~(1 << seat);
        _write(label, others | (holds ? 1 << seat : 0));
    }

    /// @dev 1 if a number is greater than another, without a branch: each would double the paths.
    function _greater(uint256 a, uint256 b) internal pure returns (uint256 greater) {
        assembly {
            greater := gt(a, b)
        }
    }

    /// @dev Nobody was credited more than a whole reward for each settled round.
    function _credited() internal view returns (bool) {
        uint256 through = _read("_credits.settledThrough");
        uint256 first = _term("burn_in");
        uint256 units = _read("_credits.units", 0);
        uint256 wrong = _greater(first, through);
        unchecked {
            wrong |= _greater(through, uint32(_read("_history.packed")) - 1);
            for (uint256 i; i < 4; ++i) {
                wrong |= _greater(uint64(units >> _lane(i)), i < seats.length ? UNIT * (through - first) : 0);
            }
        }
        return wrong == 0;
    }

    /// @dev Where the units of a seat lie in their word.
    function _lane(uint256 seat) internal pure returns (uint256) {
        return 192 - 64 * seat;
    }

    /// @dev The costly rounds that were handed back cost at most a whole reward each, and excuse nobody from more.
    function _charged() internal view returns (bool) {
        uint256 charge = _read("_disclosure.charge");
        if (_read("_disclosure.revealed") == 0) return charge | _excused(0) == 0;
        uint256 back = _read("_disclosure.round");
        uint256 wrong = _greater(_read("_disclosure.cost"), UNIT) | _excused(charge);
        unchecked {
            uint256 last = uint32(_read("_history.packed")) - 1;
            wrong |= _greater(back, last) | _greater(_term("burn_in"), back + 1);
            wrong |= _greater(charge, UNIT * (last - back));
        }
        return wrong == 0;
    }

    /// @dev 1 if anybody is excused from more.
    function _excused(uint256 most) private view returns (uint256 wrong) {
        for (uint256 i; i < seats.length; ++i) {
            wrong |= _greater(_read("_disclosure.excused", i), most);
        }
    }

    /// @dev A game that is not closed, in which all money is that came in, and `forced` wei more. Units and charges
    /// have the invariant's bounds, or wider ones.
    function _unclosed(uint64 forced, uint32 block_, uint256 malicious) private {
        _opened(block_);
        _write("_accounts.closed", 0);
        _write("_accounts.share", 0);
        _write("_accounts.environment", 0);
        _write("_accounts.withdrawn", uint160(environment), 0);
        uint256 most = UNIT * (_term("horizon") + 1 - _term("burn_in"));
        uint256 charge = _read("_disclosure.charge");
        vm.assume(charge <= most);
        uint256 units;
        for (uint256 i; i < seats.length; ++i) {
            _write("_accounts.withdrawn", uint160(seats[i]), 0);
            vm.assume(_read("_disclosure.excused", i) <= charge);
            uint256 each = uint64(vm.randomUint());
            vm.assume(each <= most);
            units |= each << _lane(i);
        }
        _write("_credits.units", 0, units);
        _write("_disclosure.malicious", malicious);
        vm.deal(address(game), vm.envUint("POOL") + seats.length * _term("stake") + forced);
    }

    /// @dev All that is to be known is known, and all is settled.
    function _complete() private {
        _write("_disclosure.round", _read("_disclosure.charge") << 104 | 1 << 96 | _term("burn_in") - 1);
        unchecked {
            _write("_credits.settledThrough", round - 1);
        }
    }

    /// @dev 1 if it is so.
    function _isComplete() private view returns (uint256 complete) {
        uint256 revealed = _read("_disclosure.revealed");
        (uint256 back, uint256 first) = (_read("_disclosure.round"), _term("burn_in"));
        (uint256 through, uint256 open) = (_read("_credits.settledThrough"), round);
        assembly {
            complete := and(gt(revealed, 0), and(eq(add(back, 1), first), iszero(lt(add(through, 1), open))))
        }
    }

    function _closes() private returns (bool) {
        return _call(environment, abi.encodeCall(IChainBandit.close, ()));
    }

    /// @dev Each is owed less than 2^96 wei: no sum wraps.
    function _holdsWhatItOwes(uint256 forced) private view returns (bool) {
        uint256 any = game.owed(environment);
        uint256 held = address(game).balance;
        unchecked {
            uint256 sum = any + forced;
            for (uint256 i; i < seats.length; ++i) {
                uint256 due = game.owed(seats[i]);
                (sum, any) = (sum + due, any | due);
            }
            return sum ^ held | any >> 96 == 0;
        }
    }

    /// @dev Says what is proven of everybody, as far as money differs by it: the others differ from these in sets that
    /// are read for nothing but who loses the slash. One seat is in any of them. Of the first false round nothing is read
    /// but that there is one.
    function _standAsOwed() private {
        _nobodyStands();
        for (uint256 i; i < seats.length; ++i) {
            _write("_proven.first", i, _read("_proven.first", i) >> 32 << 32 | 1);
        }
        uint256 standing = _any(_standings());
        _stand(0, standing);
        for (uint256 i = 1; i < seats.length; ++i) {
            _stand(i, standing < AFTERWARDS ? _any(_standings() < AFTERWARDS ? _standings() : AFTERWARDS) : NOTHING);
        }
    }

    function check_close_complete(uint64 forced, uint32 block_) external {
        _unclosed(forced, block_, _any(1 << seats.length));
        _complete();
        _standAsOwed();
        if (!_closes()) return;
        assert(_holdsWhatItOwes(forced) && !_ended() && _read("_accounts.costsVoid") == 0);
    }

    function check_close_complete_succeeds(uint64 forced, uint32 block_) external {
        _unclosed(forced, block_, 1);
        _complete();
        _stand(0, _standings() - 1);
        _stand(1, NOTHING);
        assert(!_closes());
    }

    /// @dev Roles are read for costs alone, which are void.
    function check_close_void(uint64 forced, uint32 block_) external {
        _unclosed(forced, block_, 0);
        _standAsOwed();
        vm.assume(_isComplete() == 0);
        if (!_closes()) return;
        assert(_holdsWhatItOwes(forced) && !_ended() && _read("_accounts.costsVoid") == 1);
    }

    function check_close_void_succeeds(uint64 forced, uint32 block_) external {
        _unclosed(forced, block_, 0);
        _stand(0, _standings() - 1);
        _stand(1, NOTHING);
        vm.assume(_isComplete() == 0);
        assert(!_closes());
    }

    /// @dev Settles up to a round, with the pulls of those that were approved: a byte and a uint32 reward a seat; where
    /// reports name a tally then any root of tallies, and no rounds that are not paid.
    function _rewards(uint32 block_, uint32 through, uint256 approved) private returns (bool done, bytes memory pulls) {
        _opened(block_);
        _standAmong(LIED);
        vm.assume(_credited());
        pulls = vm.randomBytes(approved * seats.length * PULL);
        bytes memory all = bytes.concat(pulls, vm.randomBytes(SIGNED * _term("provable")));
        done = _call(environment, abi.encodeCall(IChainBandit.settleRewards, (through, all)));
    }

    function _creditsWhatWasEarned(uint32 block_, uint32 through, uint256 approved) private {
        (uint256 before, uint256 from) = (_read("_credits.units", 0), _read("_credits.settledThrough"));
        (bool done, bytes memory pulls) = _rewards(block_, through, approved);
        if (!done) return;
        uint256 rounds = _approved(from, through);
        uint256 earned = rounds == 0 ? 0 : _earned(pulls);
        assert(_credited() && _read("_credits.units", 0) == before + earned && rounds <= approved && !_ended());
    }

    /// @dev How many rounds were approved after `from` and up to `through`: where reports name a tally there may be
    /// pulls of one that was not, which are not paid.
    function _approved(uint256 from, uint256 through) private view returns (uint256 rounds) {
        uint256 all = _read("_history.approvals", 0) | _read("_history.packed") >> 192;
        for (uint256 each = _term("burn_in"); each <= _term("horizon"); ++each) {
            assembly {
                let settled := and(gt(each, from), iszero(gt(each, through)))
                rounds := add(rounds, and(shr(each, all), settled))
            }
        }
    }

    function check_rewards_of_none(uint32 block_, uint32 through) external {
        _creditsWhatWasEarned(block_, through, 0);
    }

    function check_rewards(uint32 block_, uint32 through) external {
        _creditsWhatWasEarned(block_, through, 1);
    }

    function _earned(bytes memory pulls) private view returns (uint256 units) {
        for (uint256 at; at < pulls.length; at += PULL) {
            uint256 reward;
            assembly {
                reward := and(shr(216, mload(add(add(pulls, 32), at))), 0xffffffff)
            }
            units += reward << _lane(at / PULL % seats.length);
        }
    }

    function check_rewards_succeeds(uint32 block_, uint32 through) external {
        (bool done,) = _rewards(block_, through, 1);
        assert(!done);
    }

    /// @dev Hands one record back, whose header has the length of one with sets that all arms share.
    function _costs(uint32 block_, CostEntry memory entry, uint256 arm) private returns (bool) {
        _opened(block_);
        _standAmong(CLEARED);
        vm.assume(_charged());
        entry.header = vm.randomBytes(vm.envUint("HEADER"));
        entry.header[ARM_AT] = bytes1(uint8(arm));
        CostEntry[] memory entries = new CostEntry[](1);
        entries[0] = entry;
        return _call(environment, abi.encodeCall(IChainBandit.settleCosts, (entries)));
    }

    /// @dev A record that is costly costs everybody once; any other costs nobody.
    /// By every arm, and one that is none.
    function check_costs(uint32 block_, bytes32 parent, uint8 kind, bool costly) external {
        uint256 before = _read("_disclosure.charge");
        if (!_costs(block_, CostEntry(parent, kind, costly, ""), _any(_term("arms") + 1))) return;
        uint256 cost = costly ? _read("_disclosure.cost") : 0;
        assert(_charged() && _read("_disclosure.charge") == before + cost && !_ended());
    }

    function check_costs_succeeds(uint32 block_, bytes32 parent) external {
        assert(!_costs(block_, CostEntry(parent, 1, true, ""), 0));
    }

    /// @dev A closed game, whoever has withdrawn, with at least the wei that an account is owed.
    function _closed(uint96 wei_, uint32 block_, address account) private returns (uint256 due) {
        _opened(block_);
        _write("_accounts.closed", 1 | _any(2) << 8);
        vm.assume(_read("_accounts.share") < 2 ** 96);
        vm.assume(_read("_accounts.environment") < 2 ** 96);
        vm.deal(address(game), wei_);
        due = game.owed(account);
        vm.assume(due <= wei_);
    }

    /// @dev An account is paid once what it is owed, whatever it does then; what another is owed does not change.
    function _withdraws(uint96 wei_, uint32 block_, address account, address other) private {
        uint256 due = _closed(wei_, block_, account);
        uint256 others = game.owed(other);
        bool done = _call(account, abi.encodeCall(IChainBandit.withdraw, ()));
        assert(done == (due != 0));
        if (!done) return;
        assert(wei_ - address(game).balance == due && game.owed(other) == others && !_ended());
        assert(game.owed(account) == 0 && !_call(account, abi.encodeCall(IChainBandit.withdraw, ())));
    }

    function check_withdraw_seat(uint96 wei_, uint32 block_) external {
        _standAsOwed();
        _withdraws(wei_, block_, seats[0], seats[1]);
    }

    function check_withdraw_environment(uint96 wei_, uint32 block_) external {
        _stand(0, _any(_standings()));
        _withdraws(wei_, block_, environment, seats[0]);
    }

    function check_withdraw_again_while_paid(uint96 wei_, uint32 block_) external {
        vm.etch(seats[0], type(Reenters).runtimeCode);
        _stand(0, _any(_standings()));
        _withdraws(wei_, block_, seats[0], environment);
    }

    function check_withdraw_stranger(uint96 wei_, uint32 block_, address stranger) external {
        _opened(block_);
        vm.deal(address(game), wei_);
        vm.assume(stranger != environment && _read("_roster.ordinal", uint160(stranger)) == 0);
        assert(!_call(stranger, abi.encodeCall(IChainBandit.withdraw, ())));
    }

    function check_withdraw_succeeds(uint96 wei_, uint32 block_) external {
        _stand(0, _standings() - 1);
        _closed(wei_, block_, seats[0]);
        assert(!_call(seats[0], abi.encodeCall(IChainBandit.withdraw, ())));
    }
}
