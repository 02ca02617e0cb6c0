package conformance_test

import (
	"time"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

const (
	apart       = "many connections at once are kept apart"
	nothingLeft = "nothing is left behind"
)

var wrongWholes = []wrongTransport{
	{"what is written goes to the latest connection", apart, dialShared(func(all *shared) wrong {
		return wrong{
			accept: func(i transport.Acceptor, c transport.Conn, h core.Handshake) (transport.Session, error) {
				all.mu.Lock()
				all.latest = c.(wrongConn).Conn
				all.mu.Unlock()
				return i.Accept(c, h)
			},
			write: func(_ transport.Conn, messages [][]byte) error {
				all.mu.Lock()
				c := all.latest
				all.mu.Unlock()
				return c.Write(messages)
			},
		}
	}), false},

	{"a goroutine for each connection stays", nothingLeft, dialWrong(leaving(func() { select {} })), false},
	{"a ticker for each connection stays", nothingLeft, dialWrong(leaving(func() {
		for range time.NewTicker(time.Minute).C {
			continue
		}
	})), false},
	{"a goroutine for each refused one stays", nothingLeft, dialWrong(func() wrong {
		return wrong{accept: func(i transport.Acceptor, c transport.Conn, h core.Handshake) (transport.Session, error) {
			s, err := i.Accept(c, h)
			if err != nil {
				go func() { select {} }()
			}
			return s, err
		}}
	}), false},
}

// leaving leaves something for each connection.
func leaving(what func()) func() wrong {
	return func() wrong {
		return wrong{closed: func(s transport.Session, code core.CloseCode, reason string) {
			s.Closed(code, reason)
			go what()
		}}
	}
}
