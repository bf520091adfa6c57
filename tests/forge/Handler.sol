// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {APPROVED, CostEntry, EXPLORATION, REJECTED, SKIP} from "../../contracts/types/Game.sol";
import {Force} from "./Attackers.sol";
import {Blocks} from "./Blocks.sol";
import {Play} from "./Play.sol";
import {Vm, vm} from "./Vm.sol";

/// @title Whatever can happen to a game, one thing a call; and what came of it, in books of its own
/// @dev A call that the books say must be taken or refused, and is not, is noted in `wrong`: forge keeps on calling.
contract Handler is Play {
    bytes32 private constant RECORDED = keccak256("Recorded(uint32,uint8,bytes32)");

    uint256 public wrong;
    string public what;
    uint256 public records;
    uint256 public games;
    uint256 public finished;
    uint256 public joined;
    uint256 public refusals;
    bool public revealed;
    bool public isClosed;
    mapping(address => uint256) public withdrawals;
    mapping(address => uint256) public due;
    bytes private lastBlock;

    constructor() {
        _renew(0);
    }

    // What may happen

    function join(uint256 who) external {
        address account = _who(who);
        bool allowed = _opening() && account != environment && joined < PEOPLE && !_holds(account);
        // Seats are numbered by joining: here always in the order of the keys, or signatures would have to follow.
        if (allowed && account != seats[joined]) return;
        if (_expect(allowed, account, p.stake, abi.encodeCall(IChainBandit.join, ()), "join")) {
            ++joined;
            deposits += p.stake;
        }
    }

    function open(uint256 who, bool rightSalt) external {
        address account = _who(who);
        bool allowed = _opening() && account == environment && joined == PEOPLE && rightSalt;
        bytes memory data = abi.encodeCall(IChainBandit.open, (rightSalt ? SALT : bytes32(who)));
        if (_expect(allowed, account, 0, data, "open")) _noteOpening();
    }

    function fillAndOpen() external {
        if (!_opening()) return;
        for (; joined < PEOPLE; ++joined) {
            must(seats[joined], p.stake, abi.encodeCall(IChainBandit.join, ()));
            deposits += p.stake;
        }
        must(environment, 0, abi.encodeCall(IChainBandit.open, (SALT)));
        _noteOpening();
    }

    function submit(uint256 who, uint256 signers, uint256 seed, bool approved) external {
        signers = seed & 3 == 0 ? signers % 2 ** PEOPLE : quorum(signers);
        Blocks.Content memory content = block_(approved, seed);
        bool allowed = _running() && Blocks.bits(signers) >= QUORUM;
        bytes memory data = signed(content, signers);
        if (_record(allowed, _who(who), data, Blocks.kindOf(approved), content.header)) lastBlock = data;
    }

    function skip(uint256 who, uint256 signers) external {
        signers %= 2 ** PEOPLE;
        bool allowed = _running() && Blocks.bits(signers) >= QUORUM;
        _record(allowed, _who(who), Blocks.skip(signers, signatures(0, signers)), SKIP, "");
    }

    function skipAfterDeadline(uint256 who) external {
        bool allowed = _running();
        if (allowed) {
            uint256 deadline = game.progress().lastRecordBlock + p.skipDeadline;
            allowed = vm.getBlockNumber() > deadline + (round == p.burnIn ? p.burnInBlocks : 0);
        }
        _record(allowed, _who(who), abi.encodeCall(IChainBandit.skipAfterDeadline, ()), SKIP, "");
    }

    function replay(uint256 who) external {
        if (lastBlock.length != 0) _expect(false, _who(who), 0, lastBlock, "a replay");
    }

    function flip(uint256 who, uint256 at, uint256 seed) external {
        if (!_running()) return;
        bytes memory data = signed(block_(true, seed), quorum(seed));
        data[at % data.length] ^= bytes1(uint8(1 << (seed & 7)));
        _expect(false, _who(who), 0, data, "a block with a flipped bit");
    }

    function settleRewards(uint256 who, uint32 through, uint256 seed) external {
        if (round == 0) return;
        address account = _who(who);
        through = seed & 7 == 0 ? through % (p.horizon + 2) : settled + 1 + through % 4;
        bool allowed = account == environment && through > settled && through < round
            && (!_over() || (!isClosed && _inWindow()));
        bytes memory data =
            abi.encodeCall(IChainBandit.settleRewards, (through, pulls(approvedBetween(settled + 1, through), seed)));
        if (_expect(allowed, account, 0, data, "settleRewards")) settled = through;
    }

    function reveal(uint256 who, bool right) external {
        address account = _who(who);
        bool allowed = account == environment && right && !revealed && _over() && !isClosed && _inWindow();
        bytes memory data =
            abi.encodeCall(IChainBandit.reveal, (SECRET, right ? ROLES : bytes(hex"00020000"), MODEL));
        if (_expect(allowed, account, 0, data, "reveal")) revealed = true;
    }

    function settleCosts(uint256 who, uint256 count, uint256 costly) external {
        if (!revealed || notes.length == revealedDown) return;
        address account = _who(who);
        count = within(count, 1, notes.length - revealedDown);
        bool allowed = account == environment && !isClosed && _inWindow();
        CostEntry[] memory list = entries(count, costly);
        if (_expect(allowed, account, 0, abi.encodeCall(IChainBandit.settleCosts, (list)), "settleCosts")) {
            revealedDown += count;
        }
    }

    /// @dev All that is left to settle, in one go.
    function complete(uint256 seed) external {
        if (!_over() || isClosed || !_inWindow() || revealed) return;
        if (settled + 1 < round) {
            bytes memory all = pulls(approvedBetween(settled + 1, round - 1), seed);
            must(environment, 0, abi.encodeCall(IChainBandit.settleRewards, (round - 1, all)));
            settled = round - 1;
        }
        must(environment, 0, abi.encodeCall(IChainBandit.reveal, (SECRET, ROLES, MODEL)));
        must(environment, 0, abi.encodeCall(IChainBandit.settleCosts, (entries(notes.length, seed))));
        (revealed, revealedDown) = (true, notes.length);
    }

    function close(uint256 who) external {
        bool settledAll = revealed && revealedDown == notes.length && settled + 1 >= round;
        bool allowed = _over() && !isClosed && (settledAll || !_inWindow());
        if (_expect(allowed, _who(who), 0, abi.encodeCall(IChainBandit.close, ()), "close")) {
            isClosed = true;
            _noteDue();
        }
    }

    function withdraw(uint256 who) external {
        address account = _who(who);
        bool refunding = !game.opened() && vm.getBlockNumber() > _openUntil();
        if (refunding && due[environment] == 0) _noteDue();
        bool allowed = (isClosed || refunding) && withdrawals[account] == 0 && due[account] != 0;
        uint256 before = account.balance;
        if (_expect(allowed, account, 0, abi.encodeCall(IChainBandit.withdraw, ()), "withdraw")) {
            ++withdrawals[account];
            paidOut += account.balance - before;
            if (account.balance - before != due[account]) _wrong("a withdrawal of another amount");
        }
    }

    function revealCounts(uint256 who) external {
        address account = _who(who);
        bool allowed = _over() && _holds(account);
        _expect(allowed, account, 0, abi.encodeCall(IChainBandit.revealCounts, (bytes32(who))), "revealCounts");
    }

    function passOn(uint256 who, uint256 seed) external {
        bytes[5] memory calls = [
            abi.encodeCall(IChainBandit.skipAfterDeadline, ()), abi.encodeCall(IChainBandit.close, ()),
            abi.encodeCall(IChainBandit.open, (SALT)),
            abi.encodeCall(IChainBandit.reveal, (SECRET, ROLES, MODEL)),
            _running() ? signed(block_(true, seed), EVERYBODY) : bytes("")
        ];
        bytes memory data = calls[seed % 5];
        vm.prank(_who(who), address(0x0416));
        (bool done,) = address(game).call(data);
        if (done) _wrong("a call that somebody passed on");
    }

    function send(uint256 who, uint256 wei_) external {
        _expect(false, _who(who), wei_ % 1e18, "", "plain wei");
    }

    function force(uint96 wei_) external {
        vm.deal(address(this), wei_);
        new Force{value: wei_}(address(game));
        forced += wei_;
    }

    function wait(uint256 blocks) external {
        vm.roll(vm.getBlockNumber() + within(blocks, 1, 12));
    }

    function waitLong(uint256 blocks) external {
        if (blocks & 7 == 0) vm.roll(vm.getBlockNumber() + within(blocks >> 3, 60, 2 * uint256(p.gameBlocks)));
    }

    function finish() external {
        if (round == 0) return;
        for (; round <= p.horizon && _running();) {
            Blocks.Content memory content = block_(true, round);
            _record(true, STRANGER, signed(content, EVERYBODY), APPROVED, content.header);
        }
    }

    /// @dev Ends this game as time ends every game, and begins another.
    function renew(uint256 seed) external {
        if (!isClosed && seed & 7 != 0) return;
        _renew(seed >> 3);
    }

    /// @dev Excluded from what is called at random: nothing goes on after it.
    function end() external {
        _end();
    }

    function game_() external view returns (address) {
        return address(game);
    }

    // What always holds

    function conserved() external view returns (bool) {
        return address(game).balance + paidOut + newlyBurned() == deposits + forced;
    }

    function covered() external view returns (bool) {
        return owedToAll() + forced <= address(game).balance;
    }

    /// @dev Once final, what an account is owed changes only by its own withdrawal.
    function final_() external view returns (bool) {
        if (!isClosed) return true;
        for (uint256 i; i <= PEOPLE; ++i) {
            address account = i == PEOPLE ? environment : seats[i];
            if (game.owed(account) != (withdrawals[account] == 0 ? due[account] : 0)) return false;
            if (withdrawals[account] > 1) return false;
        }
        return owedToAll() + forced == address(game).balance;
    }

    function history() external view returns (bool) {
        if (round == 0) return game.head() == 0 && game.nextRound() == 0;
        if (game.head() != head || game.nextRound() != round || round != p.burnIn + notes.length) return false;
        if (game.progress().failures != failures) return false;
        for (uint256 i; i < notes.length; ++i) {
            if (game.isApproved(uint32(p.burnIn + i)) != (notes[i].kind == APPROVED)) return false;
        }
        return !game.isApproved(round) && game.settledThrough() == settled;
    }

    function stage() external view returns (bool) {
        return game.closed() == isClosed && game.opened() == (round != 0) && game.isOver() == _over();
    }

    // Books

    function _end() private {
        nothingIsTrapped();
        ++finished;
    }

    function _renew(uint256 seed) private {
        if (address(game) != address(0)) _end();
        _deploy(seed % 1000);
        (joined, revealed, isClosed) = (0, false, false);
        delete lastBlock;
        for (uint256 i; i <= PEOPLE; ++i) {
            address account = i == PEOPLE ? environment : seats[i];
            (withdrawals[account], due[account]) = (0, 0);
        }
        ++games;
    }

    function _record(bool allowed, address sender, bytes memory data, uint8 kind, bytes memory header)
        private
        returns (bool done)
    {
        vm.recordLogs();
        done = _expect(allowed, sender, 0, data, "a record");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (!done) return false;
        uint256 first = notes.length;
        note(kind, header);
        records += notes.length - first;
        if (logs.length != notes.length - first) _wrong("another number of events than of records");
        for (uint256 i; i < logs.length; ++i) {
            (uint32 round_, uint8 kind_,) = abi.decode(logs[i].data, (uint32, uint8, bytes32));
            bool right = logs[i].topics[0] == RECORDED && round_ == p.burnIn + first + i
                && kind_ == notes[first + i].kind && kind_ >= APPROVED && kind_ <= EXPLORATION;
            if (!right) _wrong("an event that is not the record");
        }
    }

    function _expect(bool allowed, address sender, uint256 value, bytes memory data, string memory named)
        private
        returns (bool done)
    {
        (done,) = call(sender, value, data);
        if (!done) ++refusals;
        if (done != allowed) _wrong(string.concat(named, done ? " was taken" : " was refused"));
    }

    function _wrong(string memory named) private {
        ++wrong;
        what = named;
    }

    function _noteDue() private {
        for (uint256 i; i <= PEOPLE; ++i) {
            address account = i == PEOPLE ? environment : seats[i];
            due[account] = game.owed(account);
        }
        if (owedToAll() + newlyBurned() != deposits) _wrong("not every wei is owed");
    }

    function _who(uint256 who) private view returns (address) {
        who %= PEOPLE + 4;
        if (who < PEOPLE) return seats[who];
        return who == PEOPLE ? STRANGER : environment;
    }

    function _holds(address account) private view returns (bool) {
        for (uint256 i; i < joined; ++i) {
            if (seats[i] == account) return true;
        }
        return false;
    }

    function _openUntil() private view returns (uint256) {
        return deployedAt + p.openingDeadline;
    }

    function _opening() private view returns (bool) {
        return round == 0 && vm.getBlockNumber() <= _openUntil();
    }

    function _over() private view returns (bool) {
        return round != 0 && (round > p.horizon || vm.getBlockNumber() > openedAt + p.gameBlocks);
    }

    function _running() private view returns (bool) {
        return round != 0 && !_over();
    }

    function _inWindow() private view returns (bool) {
        uint256 ended = round > p.horizon ? game.progress().lastRecordBlock : openedAt + p.gameBlocks;
        return vm.getBlockNumber() <= ended + p.settlementWindow;
    }
}
