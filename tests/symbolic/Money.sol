// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {CostEntry} from "../../contracts/types/Game.sol";
import {Reenters} from "./Reenters.sol";
import {Shipped, vm} from "./Shipped.sol";

/// @title Money is conserved by every call that moves it, and nobody is paid twice
contract Money is Shipped {
    uint256 private constant PULL = 5; // bytes
    uint256 private constant ARM_AT = 101; // byte of a header

    /// @dev The invariant of an opened game as far as its money goes; any storage that meets it.
    function _opened(uint32 block_) private {
        _at(block_);
        uint256 packed = _read("_history.packed");
        uint256 next = uint32(packed);
        uint256 first = _term("burn_in");
        vm.assume(uint40(packed >> 128) != 0);
        vm.assume(next >= first && next <= _term("horizon") + 1);
        vm.assume(_read("_docket.accused") >> seats.length == 0);
        vm.assume(_read("_disclosure.malicious") >> seats.length == 0);
        for (uint256 i; i < seats.length; ++i) {
            _write("_roster.ordinal", uint160(seats[i]), 1 << 16 | i + 1);
        }
        vm.assume(_credited());
        vm.assume(_charged());
    }

    /// @dev Nobody was credited more than a whole reward for each settled round.
    function _credited() private view returns (bool) {
        uint256 through = _read("_credits.settledThrough");
        uint256 first = _term("burn_in");
        bool holds = through >= first && through < uint32(_read("_history.packed"));
        uint256 units = _read("_credits.units", 0);
        for (uint256 i; i < 4; ++i) {
            uint256 most = i < seats.length ? UNIT * (through - first) : 0;
            holds = holds && uint64(units >> _lane(i)) <= most;
        }
        return holds;
    }

    /// @dev Where the units of a seat lie in their word.
    function _lane(uint256 seat) private pure returns (uint256) {
        return 192 - 64 * seat;
    }

    /// @dev The costly rounds, those handed back of them, cost at most a whole reward each, and excuse nobody from more.
    function _charged() private view returns (bool holds) {
        uint256 charge = _read("_disclosure.charge");
        uint256 first = _term("burn_in");
        uint256 last = uint32(_read("_history.packed")) - 1;
        uint256 round = _read("_disclosure.round");
        if (_read("_disclosure.revealed") == 0) return charge == 0 && _excused(0);
        if (round < first) round = first;
        return _read("_disclosure.cost") <= UNIT && round <= last && charge <= UNIT * (last - round) && _excused(charge);
    }

    function _excused(uint256 most) private view returns (bool holds) {
        holds = true;
        for (uint256 i; i < seats.length; ++i) {
            holds = holds && _read("_disclosure.excused", i) <= most;
        }
    }

    /// @dev A game that is not closed, in which all money is that came in, and `forced` wei more.
    function _unclosed(uint64 forced, uint32 block_) private {
        _opened(block_);
        vm.assume(_read("_accounts.closed") == 0 && _read("_accounts.costsVoid") == 0);
        vm.assume(_read("_accounts.share") == 0 && _read("_accounts.environment") == 0);
        vm.assume(_read("_accounts.withdrawn", uint160(environment)) == 0);
        for (uint256 i; i < seats.length; ++i) {
            vm.assume(_read("_accounts.withdrawn", uint160(seats[i])) == 0);
        }
        vm.deal(address(game), vm.envUint("POOL") + seats.length * _term("stake") + forced);
    }

    /// @dev A closed game, whoever has withdrawn, with at least the wei that an account is owed.
    function _closed(uint96 wei_, uint32 block_, address account) private returns (uint256 due) {
        _opened(block_);
        vm.assume(_read("_accounts.closed") == 1);
        vm.assume(_read("_accounts.share") < 2 ** 96 && _read("_accounts.environment") < 2 ** 96);
        vm.deal(address(game), wei_);
        due = game.owed(account);
        vm.assume(due <= wei_);
    }

    function _closes(uint64 forced, uint32 block_, bool void_) private returns (bool done) {
        _unclosed(forced, block_);
        done = _call(environment, abi.encodeCall(IChainBandit.close, ()));
        vm.assume((_read("_accounts.costsVoid") == 1) == void_);
    }

    function _holdsWhatItOwes(uint256 forced) private view returns (bool) {
        uint256 sum = game.owed(environment) + forced;
        for (uint256 i; i < seats.length; ++i) {
            sum += game.owed(seats[i]);
        }
        return address(game).balance == sum;
    }

    function check_close_complete(uint64 forced, uint32 block_) external {
        if (_closes(forced, block_, false)) assert(_holdsWhatItOwes(forced) && !_ended());
    }

    function check_close_complete_succeeds(uint64 forced, uint32 block_) external {
        assert(!_closes(forced, block_, false));
    }

    /// @dev For each block list by itself: what is left of the pool is divided by the number of all others.
    function check_close_void(uint64 forced, uint32 block_, uint256 accused) external {
        for (uint256 list; list < 1 << seats.length; ++list) {
            if (list != accused) continue;
            _write("_docket.accused", list);
            if (_closes(forced, block_, true)) assert(_holdsWhatItOwes(forced) && !_ended());
        }
    }

    function check_close_void_succeeds(uint64 forced, uint32 block_) external {
        _write("_docket.accused", 0);
        assert(!_closes(forced, block_, true));
    }

    /// @dev Settles up to a round, with the pulls of those that were approved: a byte and a uint32 reward a seat.
    function _rewards(uint32 block_, uint32 through, uint256 approved) private returns (bool done, bytes memory pulls) {
        _opened(block_);
        pulls = vm.randomBytes(approved * seats.length * PULL);
        done = _call(environment, abi.encodeCall(IChainBandit.settleRewards, (through, pulls)));
    }

    function _creditsWhatWasEarned(uint32 block_, uint32 through, uint256 approved) private {
        uint256 before = _read("_credits.units", 0);
        (bool done, bytes memory pulls) = _rewards(block_, through, approved);
        if (done) assert(_credited() && _read("_credits.units", 0) == before + _earned(pulls) && !_ended());
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
        entry.header = vm.randomBytes(vm.envUint("HEADER"));
        entry.header[ARM_AT] = bytes1(uint8(arm));
        CostEntry[] memory entries = new CostEntry[](1);
        entries[0] = entry;
        return _call(environment, abi.encodeCall(IChainBandit.settleCosts, (entries)));
    }

    /// @dev A record that is costly costs everybody once, any other nobody; by every arm, and one that is none.
    function check_costs(uint32 block_, bytes32 parent, uint8 kind, bool costly, uint256 arm) external {
        uint256 before = _read("_disclosure.charge");
        for (uint256 each; each <= _term("arms"); ++each) {
            if (arm != each || !_costs(block_, CostEntry(parent, kind, costly, ""), each)) continue;
            uint256 cost = costly ? _read("_disclosure.cost") : 0;
            assert(_charged() && _read("_disclosure.charge") == before + cost && !_ended());
        }
    }

    function check_costs_succeeds(uint32 block_, bytes32 parent) external {
        assert(!_costs(block_, CostEntry(parent, 1, true, ""), 0));
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
        _withdraws(wei_, block_, seats[0], seats[1]);
    }

    function check_withdraw_environment(uint96 wei_, uint32 block_) external {
        _withdraws(wei_, block_, environment, seats[0]);
    }

    function check_withdraw_again_while_paid(uint96 wei_, uint32 block_) external {
        vm.etch(seats[0], type(Reenters).runtimeCode);
        _withdraws(wei_, block_, seats[0], environment);
    }

    function check_withdraw_stranger(uint96 wei_, uint32 block_, address stranger) external {
        _opened(block_);
        vm.deal(address(game), wei_);
        vm.assume(stranger != environment && _read("_roster.ordinal", uint160(stranger)) == 0);
        assert(!_call(stranger, abi.encodeCall(IChainBandit.withdraw, ())));
    }

    function check_withdraw_succeeds(uint96 wei_, uint32 block_) external {
        _closed(wei_, block_, seats[0]);
        assert(!_call(seats[0], abi.encodeCall(IChainBandit.withdraw, ())));
    }
}
