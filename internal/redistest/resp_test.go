package redistest

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReply(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200_000) // more than a reader's buffer
	cases := []struct {
		sent  string
		kind  byte
		plain any
	}{
		{"+OK\r\n", '+', "OK"},
		{"-ERR no\r\n", '-', errors.New("ERR no")},
		{":-7\r\n", ':', int64(-7)},
		{"$0\r\n\r\n", '$', ""},
		{"$-1\r\n", '$', nil},
		{"$4\r\n\r\n$1\r\n", '$', "\r\n$1"},
		{"$200000\r\n" + long + "\r\n", '$', long},
		{"*0\r\n", '*', []any{}},
		{"*-1\r\n", '*', nil},
		{"*3\r\n:1\r\n*1\r\n$1\r\na\r\n$-1\r\n", '*', []any{int64(1), []any{"a"}, nil}},
		{"_\r\n", '_', nil},
		{"#t\r\n", '#', "t"},
		{",1.5\r\n", ',', "1.5"},
		{"(123\r\n", '(', "123"},
		{"!5\r\nERR x\r\n", '!', errors.New("ERR x")},
		{"=5\r\ntxt:a\r\n", '=', "txt:a"},
		{"%1\r\n+a\r\n:1\r\n", '%', []any{"a", int64(1)}},
		{"~1\r\n+a\r\n", '~', []any{"a"}},
		{">2\r\n+message\r\n+x\r\n", '>', []any{"message", "x"}},
		{"|1\r\n+ttl\r\n:1\r\n+OK\r\n", '+', "OK"},
	}
	for _, pieces := range []func(io.Reader) io.Reader{iotest.OneByteReader, func(r io.Reader) io.Reader { return r }} {
		for _, test := range cases {
			const next = "+next\r\n"
			r := newReader(pieces(strings.NewReader(test.sent + next)))
			v, err := r.reply()
			if err != nil || v.kind != test.kind || !reflect.DeepEqual(v.plain(), test.plain) {
				t.Errorf("%.30q is %q %.30v, %v", test.sent, v.kind, v.plain(), err)
			}
			if string(r.raw) != test.sent {
				t.Errorf("%.30q is passed on as %.30q", test.sent, r.raw)
			}
			if v, err := r.reply(); err != nil || v.text != "next" || string(r.raw) != test.sent+next {
				t.Errorf("what follows %.30q is %.30q, %v", test.sent, v.text, err)
			}
		}
	}
	for _, sent := range []string{"hello\r\n", "\r\n", "$x\r\n", ":\r\n", "?1\r\n", "$1000000000\r\n", "+" + long + "\r\n"} {
		if v, err := newReader(strings.NewReader(sent)).reply(); !errors.Is(err, errNotRESP) {
			t.Errorf("%.30q is %v, %v", sent, v, err)
		}
	}
	for _, sent := range []string{"", "+OK", "$3\r\nab", "$3\r\nabc", "*2\r\n:1\r\n"} {
		if v, err := newReader(strings.NewReader(sent)).reply(); err == nil || errors.Is(err, errNotRESP) {
			t.Errorf("the piece %q is %v, %v", sent, v, err)
		}
	}
}

func TestCommandsAreRead(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"PING"}, {"SET", "a", "\r\n*1"}, {"ECHO", ""}} {
		if got, err := newReader(strings.NewReader(string(encode(args)))).command(); err != nil || !reflect.DeepEqual(got, args) {
			t.Errorf("%q is read as %q, %v", args, got, err)
		}
	}
	if got, err := newReader(strings.NewReader("set a  1\r\n")).command(); err != nil || !reflect.DeepEqual(got, []string{"set", "a", "1"}) {
		t.Errorf("a typed line is read as %q, %v", got, err)
	}
	if got, err := newReader(strings.NewReader("*1\r\n:1\r\n")).command(); !errors.Is(err, errNotRESP) {
		t.Errorf("a command with a number is read as %q, %v", got, err)
	}
}
