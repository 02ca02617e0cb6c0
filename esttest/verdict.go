package esttest

// verdict is how one run ended.
type verdict struct {
	failed *violation // nil: nothing is wrong
	steps  []step     // the decisions that were possible, up to the failure
	digest uint64     // of all that could be seen at the end
	healed bool       // the failure showed only after the faults had ended and all had settled
}

// violation is what a check found.
type violation struct {
	check string // its name
	text  string // what is wrong, in one or a few lines
	diff  string // from go-cmp, where there is one
}

// attempt runs a list of decisions, passing over those that are not possible, then
// lets everything heal and settle. It always gives the same verdict for the same list.
type attempt func(steps []step) verdict

// scene is one line of a story: what happened at a step, and between whom.
type scene struct {
	step     int  // index of the decision; those after the last belong to the healing
	from, to lane // the same lane twice: it happens there
	text     string
	lost     bool // what goes from one to the other does not arrive
}

// lane is whose life a line of the story is about.
type lane struct {
	kind   laneKind
	number int // of the client or instance, from 1
}

type laneKind uint8

const (
	nobody laneKind = iota // it concerns all
	client
	inst
	store
)
