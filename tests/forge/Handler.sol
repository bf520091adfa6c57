// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {Acquittal, CostEntry, Equivocation, FalseReport} from "../../contracts/types/Game.sol";
import {Force} from "./Attackers.sol";
import {Blocks} from "./Blocks.sol";
import {Model} from "./Model.sol";
import {Play} from "./Play.sol";
import {Vm, vm} from "./Vm.sol";

/// @title Whatever can happen to a game, one thing a call; and what came of it, in books of its own
/// @dev A call that the books say must be taken or refused, and is not, is noted in `wrong`: forge keeps on calling.
contract Handler is Play {

    uint256 public wrong;
    string public what;
    uint256 public records;
    uint256 public games;
    uint256 public finished;
    uint256 public joined;
    uint256 public refusals;
    uint256 public accusations;
    uint256 public lies;
    uint256 public acquittals;
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
        bool allowed = _opening() && account != environment && joined < people() && !_holds(account);
        // Seats are numbered by joining: here always in the order of the keys, or signatures would have to follow.
        if (allowed && account != seats[joined]) return;
        if (_expect(allowed, account, deposit(joined), joining(joined), "join")) {
            deposits += deposit(joined);
            ++joined;
        }
    }

    function open(uint256 who, bool rightSalt) external {
        address account = _who(who);
        bool allowed = _opening() && account == environment && joined == people() && rightSalt;
        bytes memory data = abi.encodeCall(IChainBandit.open, (rightSalt ? SALT : bytes32(who)));
        if (_expect(allowed, account, 0, data, "open")) _noteOpening();
    }

    function fillAndOpen() external {
        if (!_opening()) return;
        for (; joined < people(); ++joined) {
            must(seats[joined], deposit(joined), joining(joined));
            deposits += deposit(joined);
        }
        must(environment, 0, abi.encodeCall(IChainBandit.open, (SALT)));
        _noteOpening();
    }

    function submit(uint256 who, uint256 signers, uint256 seed, bool approved) external {
        if (!_running()) return;
        signers = seed & 3 == 0 ? signers & everybody() : quorum(signers);
        Blocks.Content memory c = block_(approved, seed);
        bytes memory data = signed(c, signers);
        if (_record(certifies(signers), _who(who), data)) {
            note(c);
            _hasRecorded();
            lastBlock = data;
        }
    }

    /// @dev Several blocks in one transaction, certified as they must be; the books are not set back, so it is taken.
    function submitBatch(uint256 who, uint256 count, uint256 seed) external {
        if (!_running() || !certifies(validators())) return;
        bytes memory all;
        count = within(count, 1, 4);
        for (uint256 i; tip.round <= p.horizon; ++i) {
            uint256 one = uint256(keccak256(abi.encode(seed, i)));
            Blocks.Content memory c = block_(one & 7 != 0, one);
            Tip memory next = after_(tip, Blocks.kindOf(c), 0, c.accuracies);
            // The next block needs a quorum too, if the block list takes it away: then this one is the last.
            bool last = i + 1 >= count || next.round > p.horizon || blockedAt(next.round) != blockedAt(tip.round);
            uint256 signers = last || shape().committees || one >> 8 & 1 == 1 ? quorum(one >> 16) : 0;
            all = bytes.concat(all, Blocks.encode(shape(), c, signers, signatures(Blocks.digest(c), signers)));
            note(c);
            if (last) break;
        }
        if (_record(true, _who(who), Blocks.submission(all))) _hasRecorded();
    }

    function skip(uint256 who, uint256 signers, uint256 seed) external {
        if (!_running()) return;
        signers = seed & 1 == 0 ? signers & everybody() : quorum(signers);
        if (_record(certifies(signers), _who(who), skipping(signers))) {
            noteSkip();
            _hasRecorded();
        }
    }

    function skipAfterDeadline(uint256 who, uint256 committee) external {
        bool allowed = _running();
        if (allowed) {
            uint256 deadline = game.progress().lastRecordBlock + p.skipDeadline;
            allowed = vm.getBlockNumber() > deadline + (tip.round == p.burnIn ? p.burnInBlocks : 0);
        }
        if (tip.round != 0 && committee & 3 != 0) committee = committeeAfterSkip();
        bool right = tip.round == 0 || committee == committeeAfterSkip();
        if (_record(allowed && right, _who(who), abi.encodeCall(IChainBandit.skipAfterDeadline, (committee)))) {
            noteSkip();
            _hasRecorded();
        }
    }

    function reportEquivocation(uint256 who, uint256 seat, uint256 seed) external {
        if (tip.round == 0) return;
        seat %= people();
        Equivocation memory proof = evidence(seat, seed);
        bool right = seed >> 250 != 0;
        if (!right) proof.otherContent = bytes32(seed);
        bool inTime = !_over() || (!isClosed && vm.getBlockNumber() <= halfOfWindow());
        bool allowed = inTime && (since[seat] == 0 || listed[seat]) && right;
        bytes memory data = abi.encodeCall(IChainBandit.reportEquivocation, (proof));
        if (_expect(allowed, _who(who), 0, data, "a proof")) {
            noteAccusation(seat);
            ++accusations;
        }
    }

    /// @dev A proof of a false report, or of a true one, or one that names a mean or counts that are true.
    function reportFalse(uint256 who, uint256 seat, uint32 round, uint64 credited, uint256 seed) external {
        if (tip.round == 0 || !provable) return;
        seat %= people();
        round = seed & 56 == 0 ? 1 + round % p.horizon : p.burnIn + round % (p.horizon - p.burnIn + 1);
        credited %= uint64(p.horizon * UNIT);
        bool right = seed & 7 != 0 && seed & 7 != 2;
        bool first = !acquitted[seat] && (lied[seat] == 0 || round < lied[seat] || credited < keeps[seat]);
        first = first && round >= p.burnIn;
        bool allowed = (!_over() || (!isClosed && vm.getBlockNumber() <= halfOfWindow())) && first && right;
        FalseReport memory proof = falseReport(seat, round, credited, seed & 7 != 0 ? 1 : 0);
        if (seed & 7 == 2) proof.arm ^= uint8(seed & 128 != 0 ? 128 : 1);
        bytes memory data = abi.encodeCall(IChainBandit.reportFalse, (proof));
        if (_expect(allowed, _who(who), 0, data, "a proof of a false report")) {
            noteLie(seat, round, credited);
            ++lies;
        }
    }

    function acquit(uint256 who, uint256 seat, uint256 seed) external {
        if (tip.round == 0 || !provable) return;
        seat %= people();
        if (lied[seat] == 0) return;
        Acquittal memory shown = acquittal(seat);
        bool right = seed & 3 != 0;
        if (!right) ++shown.reward;
        bool allowed = right && !isClosed && !acquitted[seat];
        if (_expect(allowed, _who(who), 0, abi.encodeCall(IChainBandit.acquit, (shown)), "an acquittal")) {
            acquitted[seat] = true;
            ++acquittals;
        }
    }

    function replay(uint256 who) external {
        if (lastBlock.length != 0) _expect(false, _who(who), 0, lastBlock, "a replay");
    }

    function flip(uint256 who, uint256 at, uint256 seed) external {
        if (!_running() || !certifies(validators())) return;
        bytes memory data = signed(block_(true, seed), quorum(seed));
        data[at % data.length] ^= bytes1(uint8(1 << (seed & 7)));
        _expect(false, _who(who), 0, data, "a block with a flipped bit");
    }

    function settleRewards(uint256 who, uint32 through, uint256 seed) external {
        if (tip.round == 0) return;
        address account = _who(who);
        through = seed & 7 == 0 ? through % (p.horizon + 2) : settled + 1 + through % 4;
        bool allowed = account == environment && through > settled && through < tip.round
            && (!_over() || (!isClosed && (provable ? vm.getBlockNumber() <= quarterOfWindow() : _inWindow())));
        bytes memory said = bytes.concat(pulls(settled + 1, through, seed), rest(seed));
        bytes memory data = abi.encodeCall(IChainBandit.settleRewards, (through, said));
        vm.recordLogs();
        if (!_expect(allowed, account, 0, data, "settleRewards")) return;
        noteRewards(through, seed);
        bytes memory sums;
        for (uint256 seat; seat < people(); ++seat) {
            sums = bytes.concat(sums, bytes8(uint64(earned[seat])));
        }
        bool right = _said(IChainBandit.RewardsSettled.selector, abi.encode(through, sums));
        if (!right) _wrong("an event that is not what was credited");
    }

    /// @dev A pull of somebody who is blocked.
    function settleBlocked(uint256 seed) external {
        if (tip.round == 0 || blockedAt(tip.round) == 0 || settled + 1 >= tip.round || isClosed) return;
        bytes memory all = pulls(settled + 1, tip.round - 1, seed);
        uint256 blocked = blockedAt(tip.round - 1);
        if (all.length == 0 || notes[notes.length - 1].kind != 1 || blocked == 0) return;
        for (uint256 seat; seat < people(); ++seat) {
            if (Model.has(blocked, seat)) all[all.length - 5 * (people() - seat)] = 0;
        }
        all = bytes.concat(all, rest(0));
        bytes memory data = abi.encodeCall(IChainBandit.settleRewards, (tip.round - 1, all));
        _expect(false, environment, 0, data, "a reward of who is blocked");
    }

    function reveal(uint256 who, bool right) external {
        address account = _who(who);
        bool allowed = account == environment && right && !revealed && _over() && !isClosed && _inWindow();
        bytes memory said = roles();
        if (!right) said[0] = 0x02;
        bytes memory data = abi.encodeCall(IChainBandit.reveal, (SECRET, said, model()));
        if (_expect(allowed, account, 0, data, "reveal")) revealed = true;
    }

    function settleCosts(uint256 who, uint256 count, uint256 marks) external {
        if (!revealed || notes.length == revealedDown) return;
        address account = _who(who);
        count = within(count, 1, notes.length - revealedDown);
        bool allowed = account == environment && !isClosed && _inWindow() && vm.getBlockNumber() > halfOfWindow();
        CostEntry[] memory list = entries(count, marks);
        if (_expect(allowed, account, 0, abi.encodeCall(IChainBandit.settleCosts, (list)), "settleCosts")) {
            noteCosts(list);
        }
    }

    /// @dev All that is left to settle, in one go.
    function complete(uint256 seed) external {
        if (!_over() || isClosed || !_inWindow() || revealed) return;
        if (settled + 1 < tip.round) {
            if (provable && vm.getBlockNumber() > quarterOfWindow()) return;  // too late for rewards
            settleRewards(tip.round - 1, seed);
        }
        reveal();
        if (notes.length != 0) {
            rollPast(halfOfWindow());
            settleCosts(notes.length, seed);
        }
        revealed = true;
    }

    /// @dev The first block in which it is taken.
    function closeAtLast(uint256 who) external {
        if (_over()) rollPast(overBlock() + p.settlementWindow);
        close(who);
    }

    function close(uint256 who) public {
        bool settledAll = revealed && revealedDown == notes.length && settled + 1 >= tip.round;
        bool allowed = _over() && !isClosed && !_inWindow();
        if (_expect(allowed, _who(who), 0, abi.encodeCall(IChainBandit.close, ()), "close")) {
            isClosed = true;
            _noteDue();
            uint256[] memory wanted = dueByBooks(!settledAll);
            for (uint256 i; i <= people(); ++i) {
                if (due[accountAt(i)] != wanted[i]) _wrong("another amount than the books'");
            }
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

    function passOn(uint256 who, uint256 seed) external {
        bytes[5] memory calls = [
            abi.encodeCall(IChainBandit.skipAfterDeadline, (0)), abi.encodeCall(IChainBandit.close, ()),
            abi.encodeCall(IChainBandit.open, (SALT)),
            abi.encodeCall(IChainBandit.reveal, (SECRET, roles(), model())),
            _running() ? signed(block_(true, seed), quorum(seed)) : bytes("")
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
        if (tip.round == 0) return;
        while (_running() && certifies(validators())) {
            Blocks.Content memory c = block_(true, tip.round);
            if (!_record(true, STRANGER, signed(c, validators()))) return;
            note(c);
            _hasRecorded();
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
        for (uint256 i; i <= people(); ++i) {
            address account = accountAt(i);
            if (game.owed(account) != (withdrawals[account] == 0 ? due[account] : 0)) return false;
            if (withdrawals[account] > 1) return false;
        }
        return owedToAll() + forced == address(game).balance;
    }

    function history() external view returns (bool) {
        return agrees();
    }

    function stage() external view returns (bool) {
        return game.closed() == isClosed && game.opened() == (tip.round != 0) && game.isOver() == _over();
    }

    // Books

    function _end() private {
        nothingIsTrapped();
        ++finished;
    }

    function _renew(uint256 seed) private {
        if (address(game) != address(0)) _end();
        kind = [
            Kind(4, 2, 4, false, 1, false), Kind(7, 2, 4, true, 1, false), Kind(4, 2, 4, true, 1, false),
            Kind(7, 2, 4, false, 1, false), Kind(4, 2, 4, false, 1, true), Kind(7, 2, 7, true, 1, true)
        ][games % 6];
        costKind = uint8(games / 2 % 2);
        (provable, paysBurnIn) = (games % 4 != 0, games % 3 != 0);
        _deploy(seed % 1000);
        (joined, revealed, isClosed) = (0, false, false);
        delete lastBlock;
        for (uint256 i; i <= people(); ++i) {
            (withdrawals[accountAt(i)], due[accountAt(i)]) = (0, 0);
        }
        ++games;
    }

    function _record(bool allowed, address sender, bytes memory data) private returns (bool done) {
        vm.recordLogs();
        done = _expect(allowed, sender, 0, data, "a record");
    }

    /// @dev One event says where the history stands, whatever the transaction recorded; and every round is recorded.
    function _hasRecorded() private {
        uint8 last = notes[notes.length - 1].kind;
        bytes memory data = abi.encode(tip.round - 1, last, tip.head);
        bytes32 topic = IChainBandit.Recorded.selector;
        if (shape().committees) {
            data = bytes.concat(data, abi.encode(tip.committee));
            topic = IChainBandit.RecordedWithCommittee.selector;
        }
        if (!_said(topic, data)) _wrong("an event that is not the last record");
        ++records;
    }

    /// @dev Whether the one event since logs are recorded is this one.
    function _said(bytes32 topic, bytes memory data) private returns (bool) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        return logs.length == 1 && logs[0].topics.length == 1 && logs[0].topics[0] == topic
            && keccak256(logs[0].data) == keccak256(data);
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
        for (uint256 i; i <= people(); ++i) {
            address account = accountAt(i);
            due[account] = game.owed(account);
        }
        if (owedToAll() + newlyBurned() != deposits) _wrong("not every wei is owed");
    }

    function _who(uint256 who) private view returns (address) {
        who %= people() + 4;
        if (who < people()) return seats[who];
        return who == people() ? STRANGER : environment;
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
        return tip.round == 0 && vm.getBlockNumber() <= _openUntil();
    }

    function _over() private view returns (bool) {
        return tip.round != 0 && (tip.round > p.horizon || vm.getBlockNumber() > openedAt + p.gameBlocks);
    }

    function _running() private view returns (bool) {
        return tip.round != 0 && !_over();
    }

    function _inWindow() private view returns (bool) {
        return vm.getBlockNumber() <= overBlock() + p.settlementWindow;
    }
}
