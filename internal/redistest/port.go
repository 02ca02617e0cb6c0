package redistest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// A node of a cluster listens on a second port too, which is its first and this.
const busOffset = 10_000

// draw is a port that may be free, and its second port one that may be too.
func draw() int { return 10_000 + rand.IntN(12_000) }

// freePort finds a port that is free, and whose second port is.
func freePort() (int, error) {
	for range 200 {
		port := draw()
		if isFree(port) && isFree(port+busOffset) {
			return port, nil
		}
	}
	return 0, errNoPort
}

var errNoPort = errors.New("redistest: no free port from 10000 to 21999")

func isFree(port int) bool {
	l, err := listenOn(port)
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// listen listens on a free port.
func listen() (*net.TCPListener, error) {
	for range 200 {
		if l, err := listenOn(draw()); err == nil {
			return l, nil
		}
	}
	return nil, errNoPort
}

func listenOn(port int) (*net.TCPListener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}
