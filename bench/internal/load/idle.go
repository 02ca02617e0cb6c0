package load

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/spinneyio/est/bench/internal/wire"
)

// idle opens connections as plain sockets, and lets them be. Rooms have 16 members.
// There can't be more than some 28,000, for want of ports, nor than files may be open.
func idle(c Config, steps stepper) error {
	conns := make([]net.Conn, c.Conns)
	err := each(c.Conns, func(n int) (err error) {
		conns[n], err = idleDial(c, n)
		return err
	})
	if err != nil || !steps.say("CONNECTED") || !steps.say("READY") {
		return err
	}
	err = each(c.Conns, func(n int) error {
		p := wire.New(n, wire.Key(n))
		if c.Centrifuge {
			p = []byte(`{"id":2,"rpc":{"method":"e","data":` + string(p) + `}}`)
		}
		answer, err := exchange(conns[n], conns[n], p)
		if err == nil && len(answer) < wire.Size/2 {
			err = fmt.Errorf("answered %q", answer)
		}
		return err
	})
	if err == nil {
		steps.say("RESULT {}")
	}
	return err
}

func idleDial(c Config, n int) (net.Conn, error) {
	addr := c.Addrs[n%len(c.Addrs)]
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(conn, "GET /?token=user-%06d&room=r%d&c=%d HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", n, n/16, n, addr); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(conn, 1024)
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("handshake: %s", response.Status)
	}
	if c.Centrifuge {
		hello := fmt.Appendf(nil, `{"id":1,"connect":{"token":"user-%06d","name":"idle"}}`, n)
		if answer, err := exchange(conn, r, hello); err != nil || !strings.Contains(string(answer), `"connect"`) {
			return nil, fmt.Errorf("answered %q, %w", answer, err)
		}
	}
	return conn, nil
}

func exchange(conn net.Conn, r io.Reader, p []byte) ([]byte, error) {
	if _, err := conn.Write(wire.MaskedFrame(p)); err != nil {
		return nil, err
	}
	return wire.ReadFrame(r)
}

// each calls f for 0 to n-1, 32 at a time, and returns an error of one of them.
func each(n int, f func(int) error) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
