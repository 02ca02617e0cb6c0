package core

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
