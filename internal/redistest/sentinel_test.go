package redistest

import (
	"fmt"
	"testing"
)

func TestSentinel(t *testing.T) {
	t.Parallel()
	s := StartSentinel(t)
	if n := len(s.Addrs()); n != 3 {
		t.Fatalf("%d sentinels", n)
	}
	first, second := s.Primary(), s.Replica()
	c := dial(t, first.Addr())
	c.send("SET", "a", "1")
	c.expect(t, "OK")
	c.send("WAIT", "1", "0") // until a replica has what this connection wrote
	c.expect(t, int64(1))
	want(t, second, "1", "GET", "a")

	do(t, s.Failover())
	if s.Primary() != second || s.Replica() != first {
		t.Fatal("the replica has not become the primary")
	}
	for _, addr := range s.Addrs() {
		answer, err := command(addr, []string{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.MasterName()})
		if err != nil || fmt.Sprint(answer) != fmt.Sprintf("[127.0.0.1 %d]", second.port) {
			t.Errorf("the sentinel at %s says %v, %v", addr, answer, err)
		}
	}
	want(t, second, "OK", "SET", "a", "2") // a replica would refuse

	// It comes back as a replica, and takes over without what it was not told.
	do(t, first.Restart(true))
	do(t, s.Settle())
	want(t, first, "2", "GET", "a")
	do(t, first.Pause())
	want(t, second, int64(1), "CLIENT", "KILL", "TYPE", "replica")
	want(t, second, "OK", "SET", "a", "3")
	do(t, second.Kill())
	do(t, first.Resume())
	do(t, s.Failover())
	want(t, s.Primary(), "2", "GET", "a")
}

func TestSentinelRestart(t *testing.T) {
	t.Parallel()
	s := StartSentinel(t)
	primary, replica := s.Primary(), s.Replica()
	want(t, primary, "OK", "SET", "a", "1")
	do(t, s.Restart(true))
	want(t, primary, "1", "GET", "a")
	do(t, s.Restart(false))
	want(t, primary, nil, "GET", "a")
	if s.Primary() != primary || s.Replica() != replica {
		t.Error("the primary is another one")
	}
	want(t, primary, "OK", "SET", "a", "2") // a replica would refuse
	do(t, s.Failover())
}
