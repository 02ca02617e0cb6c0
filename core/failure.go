package core

import (
	"encoding/json"
	"fmt"
)

// Failure is the only error whose content a client sees. Its default frame is
//
//	{"id":ID,"success":false,"error-code":Code,"errors":Errors}
//
// est's own failures have the connection's close code as Code, and one entry in
// Errors under their ID.
type Failure struct {
	ID     string // default "auth" from Authenticate and Join, else "comm"
	Code   int
	Errors map[string]string // by field or topic; what a person may read
}

// failureFrame is the default frame. Field order is the wire's.
type failureFrame struct {
	ID      string            `json:"id"`
	Success bool              `json:"success"`
	Code    int               `json:"error-code"`
	Errors  map[string]string `json:"errors"`
}

// reply encodes what an outcome tells its own connection.
func (r *Room[C, R]) reply(k kind, out Outcome[C, R], reports *[]Report) (m Message, bug string) {
	if out.Fail != nil {
		return r.encodeFailure(out.Fail, failureID(k == join), reports), ""
	}
	if out.Reply == nil {
		return nil, ""
	}
	m, err := encode(out.Reply)
	if err != nil {
		return nil, "its Reply can't be encoded: " + err.Error()
	}
	return m, ""
}

func failureID(entering bool) string {
	if entering {
		return "auth"
	}
	return "comm"
}

// ownFailure is a failure of est's own: the code is the close code that follows.
func (r *Room[C, R]) ownFailure(code CloseCode, text string, entering bool, reports *[]Report) Message {
	if text == "" {
		text = code.Reason()
	}
	id := failureID(entering)
	return r.encodeFailure(&Failure{ID: id, Code: int(code), Errors: map[string]string{id: text}}, id, reports)
}

// encodeFailure makes the error frame. An EncodeFailure that is broken is
// reported, and the default frame taken: a failure must not fail.
func (r *Room[C, R]) encodeFailure(f *Failure, id string, reports *[]Report) Message {
	g := *f
	if g.ID == "" {
		g.ID = id
	}
	if r.in.EncodeFailure != nil {
		m, bug := r.askFrame(g)
		if bug == "" {
			return m
		}
		*reports = append(*reports, Report{What: "EncodeFailure", Text: bug})
	}
	if g.Errors == nil {
		g.Errors = map[string]string{}
	}
	m, err := json.Marshal(failureFrame{ID: g.ID, Code: g.Code, Errors: g.Errors})
	if err != nil {
		panic(fmt.Sprintf("core: encode failure: %v", err)) // strings and numbers: can't be
	}
	return m
}

func (r *Room[C, R]) askFrame(f Failure) (m Message, bug string) {
	defer func() {
		if p := recover(); p != nil {
			bug = panicked(p)
		}
	}()
	m, err := encode(r.in.EncodeFailure(&f))
	if err != nil {
		return nil, "its frame can't be encoded: " + err.Error()
	}
	return m, ""
}
