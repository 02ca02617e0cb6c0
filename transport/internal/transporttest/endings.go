package transporttest

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spinneyio/est/core"
)

func closeAfterWrites(t *testing.T, dial Dial) {
	i := &Instance{T: t}
	c := connect(t, dial, i)
	go func() {
		conn := i.Session(0).Conn
		if err := conn.Write(numbered(20)); err != nil {
			t.Errorf("Write: %v", err)
		}
		conn.Close(4001, "bye")
		conn.Close(4002, "again")
		if err := conn.Write(numbered(1)); err == nil {
			t.Error("Write after Close answered that all was well")
		}
	}()
	for _, want := range numbered(20) {
		if got := receive(t, c); got != string(want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	wantEnded(t, c, 4001, "bye")
	wantEnded(t, c, 4001, "bye")
	settle()
	wantLog(t, i.Session(0), "closed 4001 bye")
}

func closeDefaultReason(t *testing.T, dial Dial) {
	i := &Instance{T: t}
	c := connect(t, dial, i)
	i.Session(0).Conn.Close(core.CloseComeBack, "")
	wantEnded(t, c, core.CloseComeBack, "please reconnect")
	settle()
	wantLog(t, i.Session(0), "closed 1012")
}

func closeWithinReceive(t *testing.T, dial Dial) {
	i := &Instance{T: t, Received: func(s *Session, m []byte) {
		if err := s.Conn.Write([][]byte{m}); err != nil {
			t.Errorf("Write: %v", err)
		}
		s.Conn.Close(core.CloseNormal, "")
	}}
	c := connect(t, dial, i)
	send(t, c, "echo")
	if got := receive(t, c); got != "echo" {
		t.Errorf("got %q", got)
	}
	wantEnded(t, c, core.CloseNormal, "done")
	settle()
	wantLog(t, i.Session(0), "receive echo", "closed 1000")
}

func closeCutsStuckWrite(t *testing.T, dial Dial) {
	i := &Instance{T: t}
	c := connect(t, dial, i)
	s := i.Session(0)
	stuck := writeUntilStuck(t, s)
	began := time.Now()
	s.Conn.Close(4001, "")
	if waited := time.Since(began); waited != 0 {
		t.Errorf("Close waited for %v", waited)
	}
	if err := <-stuck; err == nil {
		t.Error("the stuck Write answered that all was well")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the stuck Write was cut after %v only", took)
	}
	settle()
	wantLog(t, s, "closed 4001")
	c.Abort()
}

func writeTimesOut(t *testing.T, dial Dial) {
	i := &Instance{T: t}
	c := connect(t, dial, i)
	s := i.Session(0)
	began := time.Now()
	if err := <-writeUntilStuck(t, s); err == nil {
		t.Error("the stuck Write answered that all was well")
	}
	if took := time.Since(began); took != 10*time.Second {
		t.Errorf("Write gave up after %v, want the default of 10s", took)
	}
	synctest.Wait()
	wantLog(t, s, "closed 1006")
	c.Abort()
}

func slowClientAlone(t *testing.T, dial Dial) {
	i := &Instance{T: t, Received: func(s *Session, m []byte) {
		if err := s.Conn.Write([][]byte{m}); err != nil {
			t.Errorf("Write: %v", err)
		}
	}}
	slow := connect(t, dial, i)
	stuck := writeUntilStuck(t, i.Session(0))
	quick := connect(t, dial, i)
	began := time.Now()
	for range 10 {
		send(t, quick, "hello")
		if got := receive(t, quick); got != "hello" {
			t.Errorf("got %q", got)
		}
	}
	if took := time.Since(began); took != 0 {
		t.Errorf("ten round trips beside a stuck client took %v", took)
	}
	slow.Abort()
	quick.Abort()
	<-stuck
}

func afterTheEnd(t *testing.T, dial Dial) {
	i := &Instance{T: t}
	c := connect(t, dial, i)
	s := i.Session(0)
	c.Close(4001, "bye")
	settle()
	if err := s.Conn.Write(numbered(1)); err == nil {
		t.Error("Write after the end answered that all was well")
	}
	s.Conn.Close(4002, "")
	settle()
	wantLog(t, s, "closed 4001 bye")
}

func clientCloses(t *testing.T, dial Dial) {
	i := &Instance{T: t}
	for n, end := range []Ended{{core.CloseNormal, ""}, {core.CloseGoingAway, ""}, {4001, "bye"}} {
		c := connect(t, dial, i)
		send(t, c, "last words")
		c.Close(end.Code, end.Reason)
		settle()
		want := map[int]string{0: "closed 1000", 1: "closed 1001", 2: "closed 4001 bye"}[n]
		wantLog(t, i.Session(n), "receive last words", want)
	}
}

func clientVanishes(t *testing.T, dial Dial) {
	i := &Instance{T: t}
	c := connect(t, dial, i)
	send(t, c, "last words")
	c.Abort()
	synctest.Wait() // no time passes: a broken connection is noticed at once
	wantLog(t, i.Session(0), "receive last words", "closed 1006")
}

func violation(t *testing.T, dial Dial) {
	i := &Instance{T: t, Violated: func(s *Session, code core.CloseCode) {
		go func() { // the instance answers later, while the client goes on
			time.Sleep(time.Second)
			if err := s.Conn.Write([][]byte{[]byte("failure")}); err != nil {
				t.Errorf("Write: %v", err)
			}
			s.Conn.Close(code, "")
		}()
	}}
	c := connect(t, dial, i)
	send(t, c, "good")
	if err := c.Violate(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		send(t, c, "dropped")
	}
	if err := c.Violate(); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, c); got != "failure" {
		t.Errorf("got %q, want the failure", got)
	}
	wantEnded(t, c, core.CloseBinary, "text messages only")
	settle()
	wantLog(t, i.Session(0), "receive good", "violated 1003", "closed 1003")
}

func refused(t *testing.T, dial Dial) {
	c, err := dial(t, &Instance{T: t, Refuse: errors.New("shutting down")})
	if err == nil { // refused after it was connected
		wantEnded(t, c, core.CloseGoingAway, "the server is going away")
		synctest.Wait()
	}
}
