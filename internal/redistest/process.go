package redistest

import (
	"os/exec"
	"runtime"
)

// signal is what is sent to a process.
type signal int

const (
	kill signal = iota
	pause
	resume
)

// process is a program that runs. It ends with ours as far as the system can see
// to that: see attributes.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has ended and nothing is left of it
}

// launch starts cmd. Its goroutine ends with the process.
func launch(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = attributes()
	p := &process{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux ends the process with the thread that started it, so the thread is
		// to do nothing else.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // that it was killed is no news
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// kill returns when the process is gone.
func (p *process) kill() error {
	if p.hasExited() {
		return nil // its number may be somebody else's by now
	}
	if err := p.send(kill); err != nil {
		return err
	}
	<-p.exited
	return nil
}
