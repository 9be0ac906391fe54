package accounts

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
)

// inputObjects reads the objects of one --input-object in their order: one,
// several in an array, or several values one after the other.
type inputObjects struct {
	data  []byte
	dec   *json.Decoder
	count int // of objects so far, the one at hand included
	line  int // where the object at hand begins, from 1

	counted int // the bytes of which line knows
}

func newInputObjects(data []byte) *inputObjects {
	return &inputObjects{data: data, dec: json.NewDecoder(bytes.NewReader(data)), line: 1}
}

// Between values, and between those of an array.
const (
	blanks          = " \t\r\n"
	blanksAndCommas = blanks + ","
)

// each calls found for each object with its user ID, or with what is wrong
// with it as the end of a sentence. The error is that of the JSON as such.
func (in *inputObjects) each(found func(id, problem string)) error {
	for {
		switch in.skip(blanks) {
		case 0:
			return nil
		case '[':
			if err := in.array(found); err != nil {
				return err
			}
		default:
			if err := in.object(found); err != nil {
				return err
			}
		}
	}
}

func (in *inputObjects) array(found func(id, problem string)) error {
	if _, err := in.dec.Token(); err != nil {
		return err
	}
	for in.dec.More() {
		in.skip(blanksAndCommas)
		if err := in.object(found); err != nil {
			return err
		}
	}
	_, err := in.dec.Token()
	return err
}

func (in *inputObjects) object(found func(id, problem string)) error {
	var value json.RawMessage
	if err := in.dec.Decode(&value); err != nil {
		return err
	}
	in.count++
	found(userIDOf(value))
	return nil
}

// skip looks beyond what is between two values, and does not judge whether it
// may be there. It brings line up to there and answers the byte that is there, or 0.
func (in *inputObjects) skip(between string) byte {
	at := int(in.dec.InputOffset())
	for at < len(in.data) && strings.IndexByte(between, in.data[at]) >= 0 {
		at++
	}
	in.line += bytes.Count(in.data[in.counted:at], []byte("\n"))
	in.counted = at
	if at == len(in.data) {
		return 0
	}
	return in.data[at]
}

// brokenLine is the line in which the JSON stopped being any.
func (in *inputObjects) brokenLine(err error) int {
	at := int64(len(in.data))
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = min(at, e.Offset)
	}
	return bytes.Count(in.data[:at], []byte("\n")) + 1
}

func jsonProblem(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends in the middle"
	}
	return err.Error()
}

// userIDKey is the parameter of the cmdlet's InputObject that names the user.
// PowerShell finds it in any case, and so writes it in any.
const userIDKey = "userId"

// userIDOf finds the user ID in a value of valid JSON, or says what is wrong.
// All other keys are left alone: such an object has many.
func userIDOf(value json.RawMessage) (id, problem string) {
	dec := json.NewDecoder(bytes.NewReader(value))
	if start, _ := dec.Token(); start != json.Delim('{') {
		return "", "is not an object"
	}
	problem = `has no "userId"`
	for found := false; dec.More(); {
		key, _ := dec.Token()
		var v json.RawMessage
		_ = dec.Decode(&v) // value is valid, so its parts are
		if name, _ := key.(string); !strings.EqualFold(name, userIDKey) {
			continue
		}
		text, wrong := textOf(v)
		if found && text != id {
			return "", `has "userId" twice, with different values`
		}
		id, problem, found = text, wrong, true
	}
	return id, problem
}

func textOf(value json.RawMessage) (text, problem string) {
	var v any
	_ = json.Unmarshal(value, &v)
	switch v := v.(type) {
	case nil:
		return "", `has a "userId" that is null`
	case string:
		if strings.TrimSpace(v) == "" {
			return "", `has a "userId" that is blank`
		}
		return v, ""
	}
	return "", `has a "userId" that is not text in quotes`
}

// toUTF8 makes UTF-8 of UTF-16, which Windows PowerShell writes into a file.
// A byte order mark says which it is; it is left out.
func toUTF8(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return bytes.TrimPrefix(data, []byte("\ufeff"))
	}
	data = data[2:]
	if len(data)%2 != 0 {
		return []byte("\xff") // half a character, which is no text at all
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}
