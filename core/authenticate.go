package core

// authenticate turns a hello into connection data. It happens in the lobby: the
// connection goes on to its room from there, or stays if it has none.
func (r *Room[C, R]) authenticate(m *member[C], x *decision) {
	t := &x.task
	conn := Conn{ID: t.conn, Now: t.now, Handshake: m.handshake}
	data, fail, bug := r.askWho(conn, t.msg)
	if bug == "" && fail != nil {
		x.reply = r.encodeFailure(fail, "auth", &x.reports)
		x.code = ClosePolicy
		return
	}
	conn.Handshake = Handshake{}
	next := seat[C]{}
	var err error
	if bug == "" {
		if next.data, err = put(data, r.formC); err != nil {
			bug = "its data can't be encoded: " + err.Error()
		}
	}
	if bug == "" {
		next.identity, x.to, bug = r.whoAndWhere(conn, &next.data)
	}
	if bug != "" {
		r.bug(x, bug, true)
		return
	}
	m.next = next
	x.moves = x.to != r.key
}

func (r *Room[C, R]) askWho(conn Conn, msg Message) (data C, fail *Failure, bug string) {
	defer func() {
		if p := recover(); p != nil {
			bug = panicked(p)
		}
	}()
	data, fail = r.in.Authenticate(conn, msg)
	return data, fail, ""
}
