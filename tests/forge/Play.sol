// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {APPROVED, BURNED, CostEntry, EXPLORATION, Parameters, SKIP} from "../../contracts/types/Game.sol";
import {Blocks} from "./Blocks.sol";
import {Checks, Vm, vm} from "./Vm.sol";

/// @title One real game: the shipped bytecode, keys of every seat, and a second set of books
abstract contract Play is Checks {
    struct Note {
        bytes32 parent;
        uint8 kind;
        bytes header;
    }

    uint256 internal constant ARMS = 2;
    uint256 internal constant PEOPLE = 4;
    uint256 internal constant EVERYBODY = 2 ** PEOPLE - 1;
    uint256 internal constant QUORUM = 3;
    uint256 internal constant FORTUNE = 1e30;
    bytes32 internal constant SALT = keccak256("salt");
    bytes32 internal constant SECRET = keccak256("secret");
    bytes internal constant MODEL = "any model";
    bytes internal constant ROLES = hex"01020000";
    address internal constant STRANGER = address(0x57a26e);

    Parameters internal p;
    IChainBandit internal game;
    address internal environment;
    uint256[] internal keys;
    address[] internal seats;

    // The second set of books.
    Note[] internal notes;
    bytes32 internal head;
    uint32 internal round;
    uint256 internal failures;
    uint256 internal deposits;
    uint256 internal paidOut;
    uint256 internal forced;
    uint256 internal burnedBefore;
    uint256 internal revealedDown;
    uint32 internal settled;
    uint256 internal deployedAt;
    uint256 internal openedAt;

    /// @dev Everything that a new kind of game needs to change.
    function _parameters() internal pure virtual returns (Parameters memory) {
        uint128 stake = 8 * 1e9 * 3;
        return Parameters({
            participants: uint16(PEOPLE),
            arms: uint8(ARMS),
            horizon: 8,
            burnIn: 4,
            liars: 1,
            attackers: 1,
            threshold: 2,
            quorumChoice: 0,
            failureLimit: 2,
            c1Numerator: 2,
            c1Denominator: 1,
            c1PerReport: 1,
            weiPerUnit: 3,
            stake: stake,
            openingDeadline: 50,
            skipDeadline: 10,
            burnInBlocks: 20,
            gameBlocks: 400,
            settlementWindow: 50
        });
    }

    function _leastPool() internal view returns (uint256) {
        return 2 * uint256(p.participants) * p.horizon * 1e9 * p.weiPerUnit;
    }

    // Set-up

    function _bytecode() internal view returns (bytes memory) {
        string memory path = vm.envOr("CHAIN_BANDIT_ARTIFACT", "chain_bandit/chain/artifacts/ChainBandit.json");
        return vm.parseJsonBytes(vm.readFile(path), ".bytecode");
    }

    function _deploy(uint256 surplus) internal {
        p = _parameters();
        delete notes;
        (head, round, failures, deposits, paidOut, forced, revealedDown, settled) = (0, 0, 0, 0, 0, 0, 0, 0);
        if (keys.length == 0) {
            environment = address(0xe17);
            for (uint256 seat; seat < PEOPLE; ++seat) {
                keys.push(uint256(keccak256(abi.encode("key", seat))));
                seats.push(vm.addr(keys[seat]));
            }
        }
        vm.deal(environment, FORTUNE);
        vm.deal(STRANGER, FORTUNE);
        for (uint256 seat; seat < PEOPLE; ++seat) {
            vm.deal(seats[seat], FORTUNE);
        }
        bytes memory arguments = abi.encode(p, keccak256(abi.encode(SALT)), _commitment());
        address at = _create(bytes.concat(_bytecode(), arguments), _leastPool() + surplus);
        check(at != address(0), "the deployment");
        game = IChainBandit(at);
        burnedBefore = BURNED.balance;
        deposits = _leastPool() + surplus;
        deployedAt = vm.getBlockNumber();
    }

    function _commitment() internal pure returns (bytes32) {
        return keccak256(abi.encode(SECRET, keccak256(ROLES), keccak256(MODEL)));
    }

    function _create(bytes memory code, uint256 wei_) internal returns (address at) {
        vm.prank(environment, environment);
        assembly {
            at := create(wei_, add(code, 32), mload(code))
        }
    }

    function _opened(uint256 surplus) internal {
        _deploy(surplus);
        for (uint256 seat; seat < PEOPLE; ++seat) {
            must(seats[seat], p.stake, abi.encodeCall(IChainBandit.join, ()));
            deposits += p.stake;
        }
        must(environment, 0, abi.encodeCall(IChainBandit.open, (SALT)));
        _noteOpening();
    }

    function _noteOpening() internal {
        head = game.genesis();
        openedAt = vm.getBlockNumber();
        round = p.burnIn;
        settled = p.burnIn;
    }

    // Calls

    /// @dev A transaction of `sender` whose own calldata is `data`.
    function call(address sender, uint256 value, bytes memory data) internal returns (bool done, bytes memory output) {
        vm.prank(sender, sender);
        (done, output) = address(game).call{value: value}(data);
    }

    function must(address sender, uint256 value, bytes memory data) internal returns (bytes memory) {
        (bool done, bytes memory output) = call(sender, value, data);
        if (!done) {
            assembly {
                revert(add(output, 32), mload(output))
            }
        }
        return output;
    }

    function refused(address sender, uint256 value, bytes memory data) internal returns (bytes4) {
        (bool done, bytes memory output) = call(sender, value, data);
        check(!done, "a call that must be refused");
        return bytes4(output);
    }

    // Rounds

    function slot() internal view returns (Blocks.Slot memory) {
        return Blocks.Slot(vm.getChainId(), address(game), game.game(), round, head);
    }

    function block_(bool approved, uint256 seed) internal view returns (Blocks.Content memory) {
        return Blocks.some(slot(), PEOPLE, ARMS, approved, seed);
    }

    function signed(Blocks.Content memory content, uint256 signers) internal view returns (bytes memory) {
        return Blocks.submission(content, signers, signatures(Blocks.digest(content), signers));
    }

    function signatures(bytes32 content, uint256 signers) internal view returns (bytes memory) {
        return Blocks.signatures(keys, signers, Blocks.statement(slot(), content));
    }

    /// @dev A set of at least a quorum of the seats.
    function quorum(uint256 seed) internal pure returns (uint256 signers) {
        signers = seed % 2 ** PEOPLE;
        for (uint256 seat; Blocks.bits(signers) < QUORUM; ++seat) {
            signers |= 1 << seat;
        }
    }

    /// @dev Notes a record that the contract must have made, and the exploration that may follow it.
    function note(uint8 kind, bytes memory header) internal {
        notes.push(Note(head, kind, header));
        head = Blocks.headAfter(head, round, kind, header.length == 0 ? bytes32(0) : keccak256(header));
        ++round;
        failures = kind == APPROVED || kind == EXPLORATION ? 0 : failures + 1;
        if (failures >= p.failureLimit && round <= p.horizon) note(EXPLORATION, "");
    }

    function approve(uint256 seed) internal {
        Blocks.Content memory content = block_(true, seed);
        must(STRANGER, 0, signed(content, quorum(seed >> 128)));
        note(APPROVED, content.header);
    }

    function playOut() internal {
        while (round <= p.horizon) {
            approve(uint256(keccak256(abi.encode(round))));
        }
    }

    // Settlement

    function approvedBetween(uint32 first, uint32 last) internal view returns (uint256 count) {
        for (uint256 i; i < notes.length; ++i) {
            uint256 at = p.burnIn + i;
            if (at >= first && at <= last && notes[i].kind == APPROVED) ++count;
        }
    }

    function pulls(uint256 rounds, uint256 seed) internal pure returns (bytes memory all) {
        for (uint256 i; i < rounds; ++i) {
            uint256 row;
            for (uint256 seat; seat < PEOPLE; ++seat) {
                uint256 chance = uint256(keccak256(abi.encode(seed, i, seat)));
                uint256 reward = chance & 7 == 0 ? 1e9 : (chance >> 8) % (1e9 + 1);
                row = row << 40 | (chance & 48 == 0 ? 255 << 32 : ((chance >> 4) % ARMS) << 32 | reward);
            }
            all = bytes.concat(all, Blocks.set(row, 5 * PEOPLE));
        }
    }

    /// @dev The next `count` records, newest first, as costs are settled; marked costly where that is allowed.
    function entries(uint256 count, uint256 costly) internal view returns (CostEntry[] memory list) {
        list = new CostEntry[](count);
        for (uint256 i; i < count; ++i) {
            uint256 index = notes.length - 1 - revealedDown - i;
            Note storage noted = notes[index];
            bool possible = noted.kind == APPROVED && index > 0
                && Blocks.selected(noted.header, PEOPLE, ARMS) & _liars() != 0;
            list[i] = CostEntry(noted.parent, noted.kind, possible && costly >> i & 1 == 1, noted.header);
        }
    }

    function _liars() internal pure returns (uint256 liars) {
        for (uint256 seat; seat < PEOPLE; ++seat) {
            liars |= uint256(uint8(ROLES[seat]) & 1) << seat;
        }
    }

    function settleAll(uint256 seed) internal {
        uint32 last = round - 1;
        bytes memory all = pulls(approvedBetween(settled + 1, last), seed);
        must(environment, 0, abi.encodeCall(IChainBandit.settleRewards, (last, all)));
        settled = last;
        must(environment, 0, abi.encodeCall(IChainBandit.reveal, (SECRET, ROLES, MODEL)));
        must(environment, 0, abi.encodeCall(IChainBandit.settleCosts, (entries(notes.length, seed))));
        revealedDown = notes.length;
    }

    function owedToAll() internal view returns (uint256 sum) {
        sum = game.owed(environment);
        for (uint256 seat; seat < PEOPLE; ++seat) {
            sum += game.owed(seats[seat]);
        }
    }

    function newlyBurned() internal view returns (uint256) {
        return BURNED.balance - burnedBefore;
    }

    /// @dev Every account takes what it is owed; after that only what was forced in is left.
    function everybodyWithdraws() internal {
        for (uint256 i; i <= PEOPLE; ++i) {
            address account = i == PEOPLE ? environment : seats[i];
            uint256 due = game.owed(account);
            if (due == 0) continue;
            uint256 before = account.balance;
            must(account, 0, abi.encodeCall(IChainBandit.withdraw, ()));
            same(account.balance - before, due, "what a withdrawal pays");
            same(game.owed(account), 0, "what is owed after a withdrawal");
            paidOut += due;
        }
    }

    /// @dev Wherever the game stands, time alone lets everybody have their money.
    function nothingIsTrapped() internal {
        vm.roll(vm.getBlockNumber() + 10_000_000);
        if (game.opened() && !game.closed()) must(STRANGER, 0, abi.encodeCall(IChainBandit.close, ()));
        same(owedToAll() + paidOut + newlyBurned(), deposits, "what is owed, paid and burned in the end");
        everybodyWithdraws();
        same(address(game).balance, forced, "what is left when all have withdrawn");
    }
}
