package core

// What the machines know of the store. Package broker has the same notions; core
// does not import it, so that it can be embedded over anything. The driver
// translates.

// Position is where a room's message log is: the sequence number of its last
// message, in an epoch that begins when the store's record does.
type Position struct {
	Epoch string
	Seq   uint64
}

// Record is what the store has of a room. Value is nil where absent. Its bytes
// are shared and read-only.
type Record struct {
	Value   []byte
	Version string // names the commit that wrote Value; compared for equality only
	At      Position
}

// MemberOp says what a commit does to one member.
type MemberOp uint8

// The operations on members. All but AddMember need the member to be stored.
const (
	RequireMember MemberOp = iota
	AddMember
	UpdateMember
	RemoveMember
)

// MemberChange is what a commit does to one member.
type MemberChange struct {
	Op   MemberOp
	Conn ConnID
	Data []byte // for AddMember and UpdateMember; [DecodeMember] reads it
}
