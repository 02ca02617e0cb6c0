package natsbroker_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/spinneyio/est/examples/custombroker/natsserver"
)

// rollback takes a snapshot of the stream. To restore it, it makes a folder with
// it, by a server that nobody else knows, and restarts the server with that.
func (s *store) rollback() (restore func() error, err error) {
	snapshot, chunks, err := takeSnapshot(s.url)
	if err != nil {
		return nil, err
	}
	return func() error {
		dir, err := os.MkdirTemp(s.folder, "")
		if err != nil {
			return err
		}
		other, err := natsserver.Start(dir, -1)
		if err != nil {
			return err
		}
		err = restoreSnapshot(other.ClientURL(), snapshot, chunks)
		other.Shutdown()
		other.WaitForShutdown()
		return errors.Join(err, s.restart(dir))
	}, nil
}

const answerWithin = 10 * time.Second

func takeSnapshot(url string) (taken server.JSApiStreamSnapshotResponse, chunks [][]byte, err error) {
	conn, err := nats.Connect(url)
	if err != nil {
		return taken, nil, err
	}
	defer conn.Close()
	inbox := nats.NewInbox()
	sub, err := conn.SubscribeSync(inbox)
	if err != nil {
		return taken, nil, err
	}
	err = ask(conn, fmt.Sprintf(server.JSApiStreamSnapshotT, "est"), server.JSApiStreamSnapshotRequest{DeliverSubject: inbox, NoConsumers: true}, &taken)
	for err == nil {
		var chunk *nats.Msg
		if chunk, err = sub.NextMsg(answerWithin); err != nil || len(chunk.Data) == 0 {
			break
		}
		chunks = append(chunks, chunk.Data)
		if chunk.Reply != "" { // the server waits to be told to go on
			err = chunk.Respond(nil)
		}
	}
	return taken, chunks, err
}

func restoreSnapshot(url string, taken server.JSApiStreamSnapshotResponse, chunks [][]byte) error {
	conn, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	var to server.JSApiStreamRestoreResponse
	if err := ask(conn, fmt.Sprintf(server.JSApiStreamRestoreT, "est"), server.JSApiStreamRestoreRequest{Config: *taken.Config, State: *taken.State}, &to); err != nil {
		return err
	}
	for _, chunk := range append(chunks, nil) {
		answer, err := conn.Request(to.DeliverSubject, chunk, answerWithin)
		if err != nil {
			return err
		}
		if len(chunk) == 0 {
			return check(answer.Data, new(server.JSApiStreamCreateResponse))
		}
	}
	return nil
}

// ask asks the API of the server.
func ask(conn *nats.Conn, subject string, request, response any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	answer, err := conn.Request(subject, body, answerWithin)
	if err != nil {
		return err
	}
	return check(answer.Data, response)
}

func check(answer []byte, response any) error {
	var failed server.ApiResponse
	if err := errors.Join(json.Unmarshal(answer, &failed), json.Unmarshal(answer, response)); err != nil {
		return err
	}
	return failed.ToError()
}
