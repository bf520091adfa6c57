// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Handler} from "./Handler.sol";
import {Checks, vm} from "./Vm.sol";

/// @title What holds after any sequence of calls: K-1, K-2, K-3, K-4, K-9 of the contract
contract InvariantsTest is Checks {
    struct Selectors {
        address addr;
        bytes4[] selectors;
    }

    Handler private handler;

    function setUp() public {
        handler = new Handler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function excludeSelectors() public view returns (Selectors[] memory excluded) {
        excluded = new Selectors[](1);
        excluded[0] = Selectors(address(handler), new bytes4[](1));
        excluded[0].selectors[0] = Handler.end.selector;
    }

    function invariant_everything() public view {
        check(handler.wrong() == 0, handler.what());
        check(handler.conserved(), "wei held, paid and burned are not those that came in");
        check(handler.covered(), "more is owed than is held");
        check(handler.final_(), "what is owed changed after the close");
        check(handler.history(), "the history is not the recorded one");
        check(handler.stage(), "the stage of the game is another one");
    }

    /// Every end of every kind of game is one that the handler can reach, and its books agree there too.
    function test_handler_reaches_every_end() public {
        for (uint256 way; way < 32; ++way) {
            if (way & 3 != 3) handler.fillAndOpen();
            if (way & 8 != 0) handler.reportEquivocation(way, way, way << 250 | 1 << 251);
            if (way & 16 != 0) handler.reportFalse(way, way >> 1, uint32(way), uint64(way) * 1e8, way | 1);
            for (uint256 i; i < 3 && way & 1 != 0; ++i) {
                handler.skip(i, 7, 2 * i);
                handler.submitBatch(i, i, 7 * i + way);
                handler.submit(i, 15, 7 * i + 1, i & 1 == 0);
                handler.replay(i);
            }
            handler.finish();
            handler.settleBlocked(way);
            if (way & 4 == 0) handler.complete(way);
            else handler.waitLong(8 * 740);
            if (way & 1 == 0) handler.reportFalse(way, way >> 2, 4, 7e8, 1);
            if (way & 9 != 0) handler.acquit(way, way >> 1, way | 1);
            handler.closeAtLast(way);
            check(handler.isClosed() == (way & 3 != 3), "closed");
            if (way & 3 == 3) handler.waitLong(8 * 740);
            for (uint256 who; who < 12; ++who) {
                handler.withdraw(who);
            }
            invariant_everything();
            check(address(handler.game_()).balance == 0, "all withdrew");
            handler.renew(0);
        }
        check(handler.games() == 33 && handler.finished() == 32, "games");
        check(handler.records() > 100 && handler.accusations() > 10, "what happened in them");
        check(handler.lies() > 5 && handler.acquittals() > 2, "what was proven in them");
    }

    function afterInvariant() public {
        handler.end();
        check(handler.games() > 0, "no game was played");
    }
}
