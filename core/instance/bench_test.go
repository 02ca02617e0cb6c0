package instance_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/core/instance"
	"github.com/spinneyio/est/memory"
	"github.com/spinneyio/est/transport"
)

// What one message costs from the transport's call to the transport's Write, on
// the embedded broker, without a network: time, and above all allocations.

// sink is a transport's end that counts what it is given.
type sink struct{ got chan int }

func (s sink) Write(messages [][]byte) error {
	s.got <- len(messages)
	return nil
}

func (sink) Close(core.CloseCode, string) {}

// wait waits for n messages.
func (s sink) wait(n int) {
	for n > 0 {
		n -= <-s.got
	}
}

type benchData struct{ User, Room string }

type benchState struct{ Count int }

var benchIntegration = core.Integration[benchData, benchState]{
	Name: "bench",
	Authenticate: func(_ core.Conn, hello core.Message) (d benchData, f *core.Failure) {
		if hello.Decode(&d) != nil {
			return d, &core.Failure{Code: 1}
		}
		return d, nil
	},
	Identity: func(_ core.Conn, d benchData) string { return d.User },
	Room:     func(_ core.Conn, d benchData) string { return d.Room },
	Join: func(core.Conn, benchData, benchState) core.Outcome[benchData, benchState] {
		return core.Outcome[benchData, benchState]{Reply: "welcome"}
	},
	Receive: func(_ core.Conn, d benchData, s benchState, m core.Message) core.Outcome[benchData, benchState] {
		switch {
		case d.Room == "":
			return core.Outcome[benchData, benchState]{Reply: m}
		case d.User == "speaker":
			return core.Outcome[benchData, benchState]{Publish: []core.Publication{core.ToAll(m)}}
		}
		s.Count++
		return core.Outcome[benchData, benchState]{Room: core.Put(s), Reply: m}
	},
	Leave: func(core.Conn, benchData, benchState) core.Outcome[benchData, benchState] {
		return core.Outcome[benchData, benchState]{}
	},
}

func benchInstance(b *testing.B) *instance.Instance[benchData, benchState] {
	i, err := instance.New(benchIntegration, memory.New(nil), &instance.Options{Rate: -1})
	if err != nil {
		b.Fatal(err)
	}
	return i
}

func enter(b *testing.B, i *instance.Instance[benchData, benchState], s sink, hello string) transport.Session {
	session, err := i.Accept(s, core.Handshake{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { session.Closed(core.CloseNormal, "") })
	session.Receive([]byte(hello))
	s.wait(1)
	return session
}

// message is 128 bytes of JSON, as in the measurements of peers.
const message = `{"ts":1790000000000000000,"c":17,"op":"add","key":"k03","n":1,"pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`

func exchange(b *testing.B, hello string) {
	i := benchInstance(b)
	s := sink{make(chan int, 1)}
	session := enter(b, i, s, hello)
	b.ReportAllocs()
	for b.Loop() {
		session.Receive([]byte(message))
		s.wait(1)
	}
}

// A reply without a room: the broker isn't used.
func BenchmarkEcho(b *testing.B) { exchange(b, `{"User":"ann","Room":""}`) }

// A reply without a room, written by the goroutine that has read; on all processors.
func BenchmarkTurn(b *testing.B) {
	i := benchInstance(b)
	var n atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		s := sink{make(chan int, 1)}
		session := enter(b, i, s, fmt.Sprintf(`{"User":"%d","Room":""}`, n.Add(1))).(transport.BatchReceiver)
		batch := make([][]byte, 1)
		for pb.Next() {
			batch[0] = []byte(message)
			session.ReceiveAll(batch)
			s.wait(1)
		}
	})
}

// A reply after a commit that changed the room state.
func BenchmarkStateful(b *testing.B) { exchange(b, `{"User":"ann","Room":"r"}`) }

// Sixteen at once: their transitions share commits.
func BenchmarkStateful16(b *testing.B) {
	i := benchInstance(b)
	s := sink{make(chan int, 16)}
	session := enter(b, i, s, `{"User":"ann","Room":"r"}`)
	b.ReportAllocs()
	for b.Loop() {
		for range 16 {
			session.Receive([]byte(message))
		}
		s.wait(16)
	}
}

// A message to a hundred others in the room, until the last one has it.
func BenchmarkBroadcast100(b *testing.B) {
	i := benchInstance(b)
	s := sink{make(chan int, 100)}
	for range 100 {
		enter(b, i, s, `{"User":"listener","Room":"r"}`)
	}
	speaker, err := i.Accept(sink{make(chan int, 1)}, core.Handshake{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { speaker.Closed(core.CloseNormal, "") })
	speaker.Receive([]byte(`{"User":"speaker","Room":"r"}`))
	b.ReportAllocs()
	for b.Loop() {
		speaker.Receive([]byte(message))
		s.wait(100)
	}
}

// Publishing from outside any connection to one member.
func BenchmarkPublish(b *testing.B) {
	i := benchInstance(b)
	s := sink{make(chan int, 1)}
	enter(b, i, s, `{"User":"ann","Room":"r"}`)
	body := core.Message(message)
	b.ReportAllocs()
	for b.Loop() {
		if err := i.Publish(context.Background(), "r", core.To("ann", body)); err != nil {
			b.Fatal(err)
		}
		s.wait(1)
	}
}
