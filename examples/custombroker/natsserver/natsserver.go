// Package natsserver runs a NATS server with JetStream in this process, so that
// the example needs no service.
package natsserver

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Start starts a server on a loopback port, which keeps what it stores in the
// folder dir. Port -1 is a free one; [server.Server.ClientURL] says which. The
// caller ends it with its Shutdown and WaitForShutdown.
func Start(dir string, port int) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		Host:      "127.0.0.1",
		Port:      port,
		JetStream: true,
		StoreDir:  dir,
		NoSigs:    true, // signals are the program's
		NoLog:     true,
	})
	if err != nil {
		return nil, fmt.Errorf("natsserver: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		return nil, errors.New("natsserver: it does not accept connections")
	}
	return s, nil
}
