package store_test

import (
	"testing"
	"time"

	"revoke-sessions/bot/store"
)

// contract is what every database behind bot.Store has to keep. It knows
// nothing of SQL: it sees a store only through its methods and a clock.
func contract(t *testing.T, open func(t *testing.T, now func() time.Time) *store.Store) {
	for name, test := range map[string]func(*testing.T, opener){
		"commit/creates and changes":               testCreateAndChange,
		"commit/keeps every field":                 testEveryField,
		"commit/keeps the absence of every field":  testNoField,
		"commit/answers what is stored":            testCommitAnswers,
		"commit/one of a hundred wins":             testOneCommitWins,
		"commit/one of a hundred creates":          testOneCreates,
		"commit/one pending per target lane drill": testTaken,
		"commit/all or nothing":                    testAllOrNothing,
		"commit/keep claims":                       testKeep,
		"commit/cancelled stores nothing":          testCancelledCommit,
		"freeze/is kept, voted on and ended":       testFreeze,
		"freeze/keeps every field":                 testEveryFieldOfAFreeze,
		"freeze/one of twenty":                     testOneFreeze,
		"freeze/last pulled":                       testLastPulled,
		"freeze/fences commits":                    testFenced,
		"freeze/nothing fenced after it":           testFreezeAgainstCommits,
		"freeze/stops clocks":                      testFreezeStopsClocks,
		"freeze/its end keeps claims":              testThawKeepsClaims,
		"freeze/its end before its begin":          testThawBeforeItBegan,
		"freeze/is told":                           testToldDuringAFreeze,
		"freeze/stale commit":                      testStaleAfterAFreeze,
		"freeze/among commits":                     testFreezesAmongCommits,
		"forget/words":                             testForgetWords,
		"forget/by steps":                          testForgetBySteps,
		"forget/uses":                              testForgetUses,
		"forget/notices":                           testForgetNotices,
		"forget/freeze":                            testForgetFreeze,
		"commit/successor":                         testSuccessor,
		"commit/successor has words of its own":    testSuccessorTyped,
		"commit/successor that is taken":           testSuccessorTaken,
		"commit/one successor":                     testOneSuccessor,
		"limit/counts within its window":           testLimit,
		"limit/none":                               testNoLimit,
		"limit/several in one change":              testManyUses,
		"limit/a conflict comes first":             testConflictBeforeLimit,
		"limit/five of fifty at once":              testLimitAtOnce,
		"line/none while all is taken":             testNoLine,
		"line/in order, with pauses":               testLine,
		"line/leaves behind who does not go":       testLineStuck,
		"line/one of fifty goes":                   testLineAtOnce,
		"replicas/this one":                        testBeat,
		"notice/is kept and claimed":               testNotice,
		"notice/once by its key":                   testNoticeOnce,
		"notice/retry":                             testNoticeRetry,
		"notice/in order":                          testNoticeOrder,
		"notice/once among ten":                    testNoticesOnce,
		"words/change only while pending":          testWordsWhilePending,
		"words/typed follows the words":            testTyped,
		"audit/keeps every field":                  testEntry,
		"audit/of one request":                     testAuditOfOne,
		"audit/concurrent commits leave no gap":    testConcurrentChain,
		"receive/keeps every field":                testArrivalFields,
		"receive/duplicates":                       testDuplicates,
		"receive/one of a hundred is fresh":        testOneFresh,
		"receive/cancelled stores nothing":         testCancelledReceive,
		"receive/due after the claim":              testArrivalDue,
		"receive/handed back":                      testHandBack,
		"receive/settled":                          testSettled,
		"receive/forget":                           testForget,
		"due/once among ten":                       testDueOnce,
		"due/requests":                             testRequestDue,
		"due/oldest first":                         testDueOrder,
		"due/limit":                                testDueLimit,
		"console/words and no telling":             testConsole,
		"console/a notice with a change":           testNoticeWithAChange,
		"console/claim":                            testClaim,
		"tell/one teller":                          testOneTeller,
		"tell/told":                                testTold,
		"tell/newer version":                       testToldNewer,
		"tell/retry":                               testToldRetry,
		"tell/late":                                testToldLate,
		"tell/tries":                               testTellingTries,
		"tell/lapse":                               testTellingLapses,
		"tell/unknown request":                     testTellUnknown,
		"places":                                   testPlaces,
		"index/pending for":                        testPendingFor,
		"index/open while owed":                    testOpenWhileOwed,
		"index/open by person, undecided and oldest first, limited": testOpenOrder,
		"index/last accepted": testLastAccepted,
		"census/counts":       testCensus,
		"census/overdue":      testCensusOverdue,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}
