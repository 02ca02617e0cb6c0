package redistest

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// answerTime is for how long a command may go unanswered.
const answerTime = 5 * time.Second

// Command sends one command to the server, past all proxies and on a connection of
// its own, and returns the answer: a string, an int64, nil, or a []any of these and
// of errors. An error that the server answers is returned as error, and says what
// the server said. It waits for 5 seconds at most.
func (s *Server) Command(args ...string) (any, error) {
	answer, err := command(s.Addr(), args)
	if err != nil {
		return nil, fmt.Errorf("redistest: %s at %s: %w", args[0], s.Addr(), err)
	}
	return answer, nil
}

func command(addr string, args []string) (any, error) {
	deadline := time.Now().Add(answerTime)
	c, err := (&net.Dialer{Deadline: deadline}).Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if _, err := c.Write(encode(args)); err != nil {
		return nil, err
	}
	v, err := newReader(c).reply()
	if err != nil {
		return nil, err
	}
	answer := v.plain()
	if err, failed := answer.(error); failed {
		return nil, err
	}
	return answer, nil
}

// plain is a value as Command returns it.
func (v value) plain() any {
	switch {
	case v.null:
		return nil
	case v.isError():
		return errors.New(v.text)
	case v.kind == ':':
		return v.number
	case v.items != nil:
		list := make([]any, len(v.items))
		for i, item := range v.items {
			list[i] = item.plain()
		}
		return list
	default:
		return v.text
	}
}
