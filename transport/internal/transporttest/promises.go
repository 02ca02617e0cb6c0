package transporttest

import (
	"testing"
	"testing/synctest"
)

// promise is one thing that package transport promises.
type promise struct {
	name string
	test func(t *testing.T, dial Dial)
}

var promises = []promise{
	{"messages to the instance keep their order", orderIn},
	{"messages to the client keep their order", orderOut},
	{"a message is the instance's: its bytes are not used again", messagesAreOwned},
	{"Write neither changes nor keeps its slices", writeSharesSlices},
	{"Write before Accept has returned reaches the client", writeDuringAccept},
	{"a session that does not take messages slows its client down", backpressure},

	{"Close comes after what was written; the first counts", closeAfterWrites},
	{"Close without a reason says the code's own", closeDefaultReason},
	{"Close from within Receive", closeWithinReceive},
	{"Close cuts a stuck Write and does not wait for it", closeCutsStuckWrite},
	{"Write gives up on a client that does not read", writeTimesOut},
	{"a client that does not read holds nobody else up", slowClientAlone},
	{"Write and Close after the end do nothing", afterTheEnd},

	{"the client's close arrives with code and reason", clientCloses},
	{"a client that vanishes is lost", clientVanishes},
	{"Closed waits until Receive has returned", closedIsLast},
	{"after a violation the client gets failure and code, and is not heard any more", violation},
	{"who is refused is told so, and no session is called", refused},
}

// Run proves that a transport keeps the promises of package transport.
func Run(t *testing.T, dial Dial) {
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { p.test(t, dial) })
		})
	}
}
