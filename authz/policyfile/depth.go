package policyfile

import "github.com/goccy/go-yaml/token"

// maxDepth is how deep a policy may nest. The deepest value that there can be, an
// entry of protected[].match.groups, is well above it; the parser's memory grows
// with the square of the depth, so that it is bounded before anything is parsed.
const maxDepth = 32

// tooDeep finds the first token that is deeper than maxDepth; nil if there is
// none. It counts brackets, what begins further to the right than what it
// belongs to, and what comes before a value.
func tooDeep(tokens token.Tokens) *token.Token {
	var columns []int // of the blocks that are open
	flow, before := 0, 0
	for _, tk := range tokens {
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
			before = 0
		case token.SequenceEndType, token.MappingEndType:
			flow = max(0, flow-1)
			before = 0
		case token.CollectEntryType: // the comma
			before = 0
		case token.CommentType:
			continue
		default:
			before++
		}
		if flow == 0 {
			// Outside brackets, text further to the right is part of the text
			// to its left, on the same line or on a line above.
			for len(columns) > 0 && columns[len(columns)-1] >= tk.Position.Column {
				columns = columns[:len(columns)-1]
			}
			columns = append(columns, tk.Position.Column)
			before = 0
		}
		if len(columns)+flow+before > maxDepth {
			return tk
		}
	}
	return nil
}
