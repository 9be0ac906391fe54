package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"revoke-sessions/authz/policyfile"
)

//go:embed policy.example.yml
var policyExampleText string

// policyCommand helps to write a policy file. It needs neither Slack nor Entra.
type policyCommand struct {
	Example policyExample `cmd:"" help:"Print a policy file that shows every key."`
	Check   policyCheck   `cmd:"" help:"Check a policy file, and say in sentences what it allows."`
}

type policyExample struct{}

// Run prints the example.
func (policyExample) Run(s *surroundings) error {
	_, err := io.WriteString(s.stdout, policyExampleText)
	return err
}

type policyCheck struct {
	File      string   `arg:"" placeholder:"FILE" help:"The policy file."`
	Approvers []string `setting:"REVOKE_APPROVERS" placeholder:"U…" help:"The approvers if the file names none, separated by commas ($REVOKE_APPROVERS)."`
}

// Run reads the file as the bot would when it starts.
func (c *policyCheck) Run(s *surroundings) error {
	text, err := readPolicyText(c.File)
	if err != nil {
		return fmt.Errorf("the policy file cannot be read: %w", err)
	}
	policy, err := policyfile.Parse(text, c.Approvers)
	if err != nil {
		return fmt.Errorf("%s cannot be used:\n  %s", c.File, strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	_, err = fmt.Fprintf(s.stdout, "%s can be used (SHA-256 %s). This is what it allows:\n\n%s\n",
		c.File, policy.Digest, strings.Join(policyfile.Explain(policy), "\n"))
	return err
}

// readPolicyText reads no more of a file than tells policyfile that it is too
// long: it may be something else.
func readPolicyText(file string) (text []byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, policyfile.MaxSize+1))
}
