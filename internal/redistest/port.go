package redistest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports are in blocks, of which each process has one to itself. A port of a server or
// a proxy stays theirs while nobody listens: so who dials one that is away finds no
// other, and the port is free when it comes back.
const (
	lowestPort = 10_000
	blockSize  = 500
	blocks     = 20
	busOffset  = blocks * blockSize // a node of a cluster listens on a second port too, which is its first and this
)

var errNoPort = errors.New("redistest: no free port from 10000 to 19999")

// block is our block, as a listener on its first port. It listens for as long as we
// live: who can't listen there knows that the block is taken.
var block = sync.OnceValues(func() (l *net.TCPListener, err error) {
	for _, i := range rand.Perm(blocks) {
		if l, err = listenOn(lowestPort + i*blockSize); err == nil {
			return l, nil
		}
	}
	return nil, errNoPort
})

// given are the ports that servers and proxies have.
var given = struct {
	sync.Mutex // protects ports
	ports      map[int]bool
}{ports: map[int]bool{}}

// draw is a port of ours that nobody has been given.
func draw() (int, error) {
	first, err := block()
	if err != nil {
		return 0, err
	}
	after := portOf(first) + 1
	given.Lock()
	defer given.Unlock()
	for range 10 * blockSize {
		port := after + rand.IntN(blockSize-1)
		if !given.ports[port] {
			return port, nil
		}
	}
	return 0, errNoPort
}

// claim gives a port to one caller; false if somebody has it.
func claim(port int) bool {
	given.Lock()
	defer given.Unlock()
	if given.ports[port] {
		return false
	}
	given.ports[port] = true
	return true
}

// release takes back what claim gave.
func release(port int) {
	given.Lock()
	defer given.Unlock()
	delete(given.ports, port)
}

// claimed claims a port that is good.
func claimed(good func(port int) bool) (int, error) {
	for range 200 {
		port, err := draw()
		if err != nil {
			return 0, err
		}
		if !claim(port) {
			continue
		}
		if good(port) {
			return port, nil
		}
		release(port)
	}
	return 0, errNoPort
}

// freePort claims a port that is free, and whose second port is.
func freePort() (int, error) {
	return claimed(func(port int) bool { return isFree(port) && isFree(port+busOffset) })
}

func isFree(port int) bool {
	l, err := listenOn(port)
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// listen listens on a free port, and claims it.
func listen() (l *net.TCPListener, err error) {
	_, err = claimed(func(port int) bool {
		var taken error
		l, taken = listenOn(port)
		return taken == nil
	})
	return l, err
}

func listenOn(port int) (*net.TCPListener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
