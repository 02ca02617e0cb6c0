package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// value is one value of RESP, in the second version of the protocol or the third.
type value struct {
	kind   byte // the character that it begins with
	null   bool
	text   string
	number int64 // if kind is ':'
	items  []value
}

// errNotRESP is what a peer gets that speaks another protocol, such as TLS.
var errNotRESP = errors.New("not RESP")

func (v value) isError() bool { return v.kind == '-' || v.kind == '!' }

// reader reads values. It keeps the bytes of what it has read in raw, until its
// user takes them from there.
type reader struct {
	*bufio.Reader
	raw []byte
}

func newReader(r io.Reader) *reader { return &reader{Reader: bufio.NewReaderSize(r, 64<<10)} }

// command reads what a client sends: an array of strings, or a line of words.
// There are none if the line is empty.
func (r *reader) command() ([]string, error) {
	first, err := r.Peek(1)
	if err != nil {
		return nil, err
	}
	if first[0] != '*' {
		line, err := r.line()
		return strings.Fields(line), err
	}
	v, err := r.value()
	if err != nil {
		return nil, err
	}
	args := make([]string, len(v.items))
	for i, item := range v.items {
		if item.kind != '$' {
			return nil, fmt.Errorf("%w: a command with %q in it", errNotRESP, item.kind)
		}
		args[i] = item.text
	}
	return args, nil
}

// reply reads what a server sends, without the attributes before it.
func (r *reader) reply() (value, error) {
	for {
		if v, err := r.value(); err != nil || v.kind != '|' {
			return v, err
		}
	}
}

func (r *reader) value() (value, error) {
	line, err := r.line()
	if err != nil {
		return value{}, err
	}
	if line == "" {
		return value{}, fmt.Errorf("%w: an empty line", errNotRESP)
	}
	v := value{kind: line[0], text: line[1:]}
	switch v.kind {
	case '+', '-', '#', ',', '(':
		return v, nil
	case '_':
		v.null = true
		return v, nil
	}
	n, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil {
		return value{}, fmt.Errorf("%w: the line %.50q", errNotRESP, line)
	}
	switch v.kind {
	case ':':
		v.number = n
		return v, nil
	case '%', '|':
		n *= 2
		fallthrough
	case '*', '~', '>':
		err = r.list(&v, n)
	case '$', '!', '=':
		err = r.bulk(&v, n)
	default:
		err = fmt.Errorf("%w: the line %.50q", errNotRESP, line)
	}
	return v, err
}

func (r *reader) list(v *value, n int64) error {
	v.text, v.null = "", n < 0
	if !v.null {
		v.items = []value{}
	}
	for range n {
		item, err := r.value()
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	return nil
}

func (r *reader) bulk(v *value, n int64) error {
	v.text, v.null = "", n < 0
	if v.null {
		return nil
	}
	const most = 512 << 20 // Redis has none that is longer
	if n > most {
		return fmt.Errorf("%w: a string of %d bytes", errNotRESP, n)
	}
	from := len(r.raw)
	r.raw = append(r.raw, make([]byte, n+2)...)
	got, err := io.ReadFull(r, r.raw[from:])
	r.raw = r.raw[:from+got]
	if err != nil {
		return err
	}
	v.text = string(r.raw[from : from+int(n)])
	return nil
}

// line reads a line, and returns it without its end.
func (r *reader) line() (string, error) {
	line, err := r.ReadSlice('\n')
	r.raw = append(r.raw, line...)
	if errors.Is(err, bufio.ErrBufferFull) {
		err = fmt.Errorf("%w: a line of more than %d bytes", errNotRESP, len(line))
	}
	return strings.TrimRight(string(line), "\r\n"), err
}

// encode is a command as clients send it.
func encode(args []string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, arg := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	return b
}
