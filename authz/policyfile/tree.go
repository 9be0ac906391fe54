package policyfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// tree walks a YAML document and remembers where each key is.
type tree struct {
	report
	// places is where each key and list entry of the file is, by its path:
	// "lanes.self.approvals", "protected[0].match".
	places map[string]place
	// known are the paths of all keys that could have been given in the blocks
	// that were; the test of the example compares it with places.
	known map[string]bool
}

// value is one value of the file.
type value struct {
	tree *tree
	path string
	at   place
	node ast.Node // no anchor, alias, tag or null
}

// fields are the keys of a block and what reads each.
type fields map[string]func(value)

// where finds the first of the paths that the file gives.
func (t *tree) where(paths ...string) (string, place) {
	for _, path := range paths {
		if at, given := t.places[path]; given {
			return path, at
		}
	}
	return paths[0], place{line: 1, column: 1}
}

// given reports whether the file has the key.
func (t *tree) given(path string) bool {
	_, ok := t.places[path]
	return ok
}

// value readies a node for reading. It answers false for what holds no value,
// and has then said why.
func (t *tree) value(path string, at place, node ast.Node) (value, bool) {
	for {
		switch n := node.(type) {
		case *ast.AnchorNode:
			t.add(path, position(n.Start), "%s has an anchor (&), which a policy may not have. Write the value out where it is needed", name(path))
			node = n.Value
		case *ast.TagNode:
			t.add(path, position(n.Start), "%s has a tag (%s), which a policy may not have. Remove the tag", name(path), quote(n.Start.Value))
			node = n.Value
		case *ast.AliasNode:
			t.add(path, position(n.Start), "%s has an alias (*), which a policy may not have. Write the value out", name(path))
			return value{}, false
		case *ast.NullNode:
			t.add(path, at, "%s has no value. Give it one, or remove the line", name(path))
			return value{}, false
		default:
			return value{tree: t, path: path, at: at, node: node}, true
		}
	}
}

// position is where a token is.
func position(tk *token.Token) place {
	if tk == nil || tk.Position == nil {
		return place{line: 1, column: 1}
	}
	return place{line: tk.Position.Line, column: tk.Position.Column}
}

// wrong says what the value must be.
func (v value) wrong(format string, args ...any) {
	v.tree.add(v.path, v.at, "%s %s", name(v.path), fmt.Sprintf(format, args...))
}

// shown is the value as an error repeats it.
func (v value) shown() string {
	switch n := v.node.(type) {
	case *ast.MappingNode:
		return "a block of keys"
	case *ast.SequenceNode:
		return "a list"
	case *ast.LiteralNode:
		return "text of several lines"
	default:
		return quote(n.GetToken().Value)
	}
}

// block reads a block of keys. Every key must be known and given once.
func (v value) block(keys fields) {
	names := slices.Sorted(maps.Keys(keys))
	for _, key := range names {
		v.tree.known[join(v.path, key)] = true
	}
	block, ok := v.node.(*ast.MappingNode)
	switch {
	case !ok:
		v.wrong("must be a block with some of these keys: %s", strings.Join(names, ", "))
		return
	case len(block.Values) == 0:
		v.wrong("is empty. Give it some of these keys: %s; or remove it", strings.Join(names, ", "))
		return
	}
	first := map[string]int{}
	for _, entry := range block.Values {
		at := position(entry.Key.GetToken())
		if _, merge := entry.Key.(*ast.MergeKeyNode); merge {
			v.tree.add(v.path, at, "a policy may not have a merge key (<<). Write the keys out")
			continue
		}
		key := entry.Key.GetToken().Value
		path := join(v.path, key)
		read, known := keys[key]
		if !known {
			v.tree.add(path, at, "%s is not a key of %s. Correct the spelling or remove it: an unknown key could be a rule that has no effect. Keys here: %s",
				quote(key), name(v.path), strings.Join(names, ", "))
			continue
		}
		if line := first[key]; line > 0 {
			v.tree.add(path, at, "%s is given twice, first on line %d. Keep one", name(path), line)
			continue
		}
		first[key] = at.line
		v.tree.places[path] = at
		if child, ok := v.tree.value(path, at, entry.Value); ok {
			read(child)
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// list reads a list that may not be empty; like is an example of one.
func (v value) list(like string) []value {
	list, ok := v.node.(*ast.SequenceNode)
	switch {
	case !ok:
		v.wrong("must be a list like %s, not %s", like, v.shown())
		return nil
	case len(list.Values) == 0:
		v.wrong("is an empty list. Write one like %s, or remove the line", like)
		return nil
	}
	var all []value
	for i, node := range list.Values {
		path, at := fmt.Sprintf("%s[%d]", v.path, i), start(node)
		v.tree.places[path] = at
		if item, ok := v.tree.value(path, at, node); ok {
			all = append(all, item)
		}
	}
	return all
}

// start is where a node begins; the token of a block is the colon after its
// first key.
func start(node ast.Node) place {
	if block, ok := node.(*ast.MappingNode); ok && !block.IsFlowStyle && len(block.Values) > 0 {
		return position(block.Values[0].Key.GetToken())
	}
	return position(node.GetToken())
}

// text reads text on one line. What YAML takes for a number is none.
func (v value) text() (string, bool) {
	if n, ok := v.node.(*ast.StringNode); ok {
		return n.Value, true
	}
	return "", false
}

// pairs reads a block whose keys are data. Each may be given once; entry is an
// example of one.
func (v value) pairs(entry string, read func(key string, at place, v value)) {
	block, ok := v.node.(*ast.MappingNode)
	if !ok || len(block.Values) == 0 {
		v.wrong("must be a block of lines like %s, not %s", entry, v.shown())
		return
	}
	first := map[string]int{}
	for _, pair := range block.Values {
		at := position(pair.Key.GetToken())
		if _, text := pair.Key.(*ast.StringNode); !text {
			v.tree.add(v.path, at, "%s must be a block of lines like %s", name(v.path), entry)
			continue
		}
		key := pair.Key.GetToken().Value
		if line := first[key]; line > 0 {
			v.tree.add(v.path, at, "%s has %s twice, first on line %d. Keep one", name(v.path), quote(key), line)
			continue
		}
		first[key] = at.line
		if child, ok := v.tree.value(v.path, start(pair.Value), pair.Value); ok {
			read(key, at, child)
		}
	}
}
