package work

import (
	"testing"

	"go.uber.org/goleak"

	"revoke-sessions/bot/testrun"
)

func TestMain(m *testing.M) {
	testrun.Parallel(8)
	goleak.VerifyTestMain(m)
}
