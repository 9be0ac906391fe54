package intake

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/lookup"
	"revoke-sessions/bot/message"
)

// A submitted form is answered twice. The ack shows only errors that need no look-up, or
// says that the bot is checking; see FormAck. The answer follows when the bot has looked:
// the same form with its error, or the receipt, takes the place of what the ack showed. If
// the form was closed, a private message says it.

// openForm opens the form for a request before any look-up, because the trigger lives 3 s.
// typed is the stored arrival whose text the form holds.
func (h *Handler) openForm(ctx context.Context, a act, typed int64, f bot.Filled, note *message.FormError) error {
	if f.PickedUser == a.UserID {
		ctx = lookup.For(ctx, lookup.ForOwn)
	}
	_, err := h.openView(ctx, a, message.FormFor(bot.FormMetadata{Opened: a.ID}, f, &h.cfg.Policy, note))
	if err == nil {
		return h.store.Record(ctx, a.ID)
	}
	if fast, ok := errors.AsType[*tooFast](err); ok {
		v := h.view(ctx, a, nil)
		v.Wait, v.Wanted = fast.wait, authz.Ask
		return h.refuse(ctx, a, bot.Entry{Wanted: string(authz.Ask), Reason: string(bot.TooFast)}, message.Refusal(bot.TooFast, nil, v))
	}
	h.log.Warn("cannot open the form", "arrival", a.ID, "user", a.UserID, "error", err)
	_, limited := lookup.TooOften(err)
	return h.reply(ctx, a, message.FormNotOpened(mayHaveOpened(err), limited, f.Reason != "", typed))
}

// tooFast means that one person has modals opened faster than the bot allows.
type tooFast struct{ wait time.Duration }

func (e *tooFast) Error() string { return "one person opens forms too fast" }

// openView opens a modal within the budget, and returns its view ID. Each person but a known
// approver has a pace: Slack lets an app open about 100 modals a minute.
func (h *desk) openView(ctx context.Context, a act, view message.Modal) (id string, err error) {
	if !h.likely(a.UserID) {
		if wait := h.forms.Take(a.UserID, false, h.now()); wait > 0 {
			return "", &tooFast{wait}
		}
	}
	if err = h.budget.Take(ctx, "views.open"); err != nil {
		return "", err
	}
	id, err = h.teller.OpenForm(ctx, a.TriggerID, view)
	h.budget.NoteTooOften("views.open", err)
	return id, err
}

// formButton opens the form with what the stored arrival holds that the button names. The
// button gives no right: only the person who typed it reads it. After the text was erased,
// the form says so.
func (h *Handler) formButton(ctx context.Context, a act) error {
	id := bot.ParseFormMetadata(a.Value).Opened
	if id == 0 {
		return h.refuseButton(ctx, a)
	}
	typed, err := h.store.Arrival(ctx, id)
	var note *message.FormError
	filled, ok := bot.Filled{PickedUser: a.UserID}, true
	switch {
	case errors.Is(err, bot.ErrNoRequest), err == nil && typed.UserID == a.UserID && h.now().Sub(typed.ReceivedAt) >= bot.TypedLife:
		note = message.TypedIsGone()
	case err != nil:
		return err
	default:
		if filled, ok = bot.FilledFrom(typed); !ok || typed.UserID != a.UserID {
			return h.refuseButton(ctx, a)
		}
		root, err := h.root(ctx, typed)
		if err != nil {
			return err
		}
		filled.Link = h.cfg.Home.SourceLink(sourceOf(root))
	}
	switch a.ActionID {
	case bot.ActionFormOwn:
		filled = filled.Own(a.UserID)
	case bot.ActionFormOther:
		if filled.PickedUser == a.UserID {
			filled = filled.Nobody()
		}
	}
	return h.openForm(ctx, a, id, filled, note)
}

func (h *Handler) refuseButton(ctx context.Context, a act) error {
	e := bot.Entry{Wanted: string(authz.Ask), Reason: string(bot.WrongPlace)}
	return h.refuse(ctx, a, e, message.NotYourButton())
}

// mostOpenings bounds how many forms and buttons lead back to the act that began them.
const mostOpenings = 8

// root returns the act by which a person came in: the command, the shortcut or the press in
// the Home tab that led to the form or button a. It is a itself if that is not stored any
// more, or was somebody else's.
func (h *Handler) root(ctx context.Context, a bot.Arrival) (bot.Arrival, error) {
	for range mostOpenings {
		var id int64
		switch {
		case a.OpensForm():
			id = bot.ParseFormMetadata(a.Value).Opened
		case a.Kind == bot.FormArrival:
			id = bot.ParseFormMetadata(a.Metadata).Opened
		}
		if id == 0 {
			break
		}
		before, err := h.store.Arrival(ctx, id)
		if errors.Is(err, bot.ErrNoRequest) || err == nil && before.UserID != a.UserID {
			break
		}
		if err != nil {
			return a, err
		}
		a = before
	}
	return a, nil
}

// sourceOf returns the message on which a shortcut was run; zero for any other act.
func sourceOf(a bot.Arrival) bot.Source {
	if a.Kind != bot.ShortcutArrival {
		return bot.Source{}
	}
	return bot.Source{Channel: a.ChannelID, TS: a.MessageTS, Thread: a.ThreadTS}
}

// FormAck returns what Slack gets as soon as a submitted form is stored, also if it was
// stored before. It looks nobody up. It returns nil for anything but a form.
func (h *Handler) FormAck(a bot.Arrival) any {
	if a.Kind != bot.FormArrival {
		return nil
	}
	if wrong, _ := h.mistake(a); wrong != nil {
		return message.ErrorsAck(*wrong)
	}
	return message.UpdateAck(message.FormChecking(a.CallbackID, a.CheckingID()))
}

// mistake returns what is wrong with a form and needs no look-up, or nil. reason is for the
// audit row; a slip has none.
func (h *desk) mistake(a bot.Arrival) (wrong *message.FormError, reason authz.Reason) {
	at := func(block string, m bot.Message) *message.FormError {
		return &message.FormError{Block: block, Words: m}
	}
	if utf8.RuneCountInString(a.Reason) > bot.MaxReason {
		return at(bot.FormReasonBlock, message.ReasonTooLong()), ""
	}
	if a.CallbackID != bot.FormCallback {
		return nil, ""
	}
	_, isAccount := accountIn(a)
	switch {
	case a.Account != "" && !isAccount:
		return at(bot.FormAccountBlock, message.AccountUnclear()), ""
	case a.Account == "" && a.PickedUser == "":
		// Slack demands a person, so this form is forged, and nobody knows which field it has.
		return at(bot.FormReasonBlock, message.TargetMissing()), authz.OutsideWorkspace
	case a.Account == "" && !bot.SlackUser.MatchString(a.PickedUser):
		return at(bot.FormTargetBlock, message.TargetMissing()), authz.OutsideWorkspace
	}
	reason = h.missing(authz.Self, a)
	if a.PickedUser != a.UserID { // somebody else, or another Slack account of the same person
		other := h.missing(authz.ThirdParty, a)
		if other != reason || reason == authz.TicketRequired && !h.oneTicket() {
			return nil, "" // it depends on the lane, which takes look-ups
		}
	}
	switch reason {
	case authz.ReasonRequired:
		return at(bot.FormReasonBlock, message.ReasonMissing()), reason
	case authz.TicketRequired:
		return at(bot.FormReasonBlock, message.TicketMissing(h.cfg.Policy.Self)), reason
	}
	return nil, ""
}

// accountIn reads the account that was typed into a form.
func accountIn(a bot.Arrival) (bot.Whom, bool) { return bot.AccountIn(strings.TrimSpace(a.Account)) }

// missing returns what a lane demands of a reason and does not find, as authz would.
func (h *desk) missing(lane authz.Lane, a bot.Arrival) authz.Reason {
	rule, reason := h.cfg.Policy.Rule(lane), bot.Clean(a.Reason, bot.MaxReason)
	switch {
	case rule.ReasonRequired && reason == "":
		return authz.ReasonRequired
	case rule.Ticket != nil && !rule.Ticket.MatchString(reason):
		return authz.TicketRequired
	}
	return ""
}

// oneTicket reports whether both lanes demand the same ticket.
func (h *desk) oneTicket() bool {
	own, other := h.cfg.Policy.Self.Ticket, h.cfg.Policy.ThirdParty.Ticket
	return own != nil && other != nil && own.String() == other.String()
}

// form handles a submitted form. Its metadata names the command or click that opened it.
// A private answer uses that arrival's response_url, or else a direct message.
func (h *Handler) form(ctx context.Context, a act) error {
	var opened bot.Arrival
	if id := bot.ParseFormMetadata(a.Metadata).Opened; id != 0 {
		var err error
		opened, err = h.store.Arrival(ctx, id)
		if err != nil && !errors.Is(err, bot.ErrNoRequest) {
			return err
		}
	}
	// Rows of earlier versions name no view: their ack closed it. What was opened for
	// somebody else shows nothing of this person's.
	a.inForm = a.ViewID != "" && (opened.UserID == "" || opened.UserID == a.UserID)
	if opened.UserID != a.UserID {
		opened = bot.Arrival{}
	}
	a.ResponseURL = opened.ResponseURL
	root, err := h.root(ctx, opened)
	if err != nil {
		return err
	}
	if root.Kind != "" && root.Kind != bot.FormArrival {
		a.door = root.Origin()
	}
	a.source = sourceOf(root)
	if a.CallbackID == bot.DenyCallback && opened.ActionID == bot.ActionDeny {
		a.Value = opened.Value // for the words of the form
	}
	if wrong, reason := h.mistake(a.Arrival); wrong != nil {
		return h.refuseMistake(ctx, a, wrong, reason)
	}
	if a.CallbackID == bot.DenyCallback {
		return h.decisions.denyForm(ctx, a, opened)
	}
	if a.CallbackID == bot.UnfreezeCallback {
		_, promised, _ := strings.Cut(a.Metadata, " ")
		return h.brakes.unfreezeForm(ctx, a, opened, promised)
	}
	if a.CallbackID == bot.CancelCallback {
		return h.cancelForm(ctx, a, opened)
	}
	if a.CallbackID != bot.FormCallback {
		return h.store.Record(ctx, a.ID)
	}
	if done, err := h.asks.sentBefore(ctx, a); done || err != nil {
		return err
	}
	w := wish{target: bot.Whom{SlackID: a.PickedUser}, reason: bot.Clean(a.Reason, bot.MaxReason)}
	if a.Account != "" {
		w.target, _ = accountIn(a.Arrival)
	}
	return h.asks.ask(ctx, a, w)
}

// refuseMistake settles a form that the ack has refused. Only a later try says it again:
// the process may have died before the ack.
func (h *Handler) refuseMistake(ctx context.Context, a act, wrong *message.FormError, reason authz.Reason) error {
	var rows []bot.Entry
	e := bot.Entry{Wanted: string(authz.Ask), Reason: string(reason), Action: bot.ActRefused, Actor: a.UserID, Origin: a.Origin()}
	if reason != "" {
		rows = append(rows, e)
		h.log.Info("refused", "request", "", "arrival", a.ID, "wanted", e.Wanted, "reason", e.Reason, "user", a.UserID)
	}
	if err := h.store.Record(ctx, a.ID, rows...); err != nil {
		return err
	}
	if reason != "" {
		h.meter.Refused(&e)
	}
	if a.ViewID == "" || a.Tries > 1 { // earlier versions acked without the error
		h.answerInForm(ctx, a, wrong.Words, h.formAgain(ctx, a, wrong, reason))
	}
	return nil
}

// sentBefore answers a form that has led to a request before. It changes nothing.
func (h *asks) sentBefore(ctx context.Context, a act) (bool, error) {
	if a.ViewID == "" {
		return false, nil
	}
	id, sent, err := h.store.FormLedTo(ctx, a.ViewKey())
	if err != nil || !sent {
		return false, err
	}
	return true, h.reply(ctx, a, message.Sent(id))
}

// showRefusal shows why something was refused: in the form, or privately. If a form can
// ask for the same, the private answer has a button to it.
func (h *desk) showRefusal(ctx context.Context, a act, e bot.Entry, m bot.Message) {
	private := m
	if h.offersForm(a, e) {
		private = message.FormButton(m, a.ID)
	}
	if a.Kind != bot.FormArrival {
		h.answer(ctx, a, private)
		return
	}
	wrong := &message.FormError{Block: a.fieldOf(e), Words: m}
	switch authz.Reason(e.Reason) { // a form needs no example of a command
	case authz.ReasonRequired:
		wrong.Words = message.ReasonMissing()
	case authz.TicketRequired:
		wrong.Words = message.TicketMissing(h.cfg.Policy.Rule(a.lane))
	}
	h.answerInForm(ctx, a, private, h.formAgain(ctx, a, wrong, authz.Reason(e.Reason)))
}

// formHelps are the refusals of a command after which the form, filled in, is the way on:
// something is missing, or the same may go through later.
var formHelps = []authz.Reason{authz.ReasonRequired, authz.TicketRequired, bot.LookupFailed, authz.MembershipUnknown, bot.TooFast}

// offersForm reports whether a private refusal has a button to the form. It also has one if
// no account is known by the name, and if a form was closed before its answer came.
func (h *desk) offersForm(a act, e bot.Entry) bool {
	if _, ok := bot.FilledFrom(a.Arrival); !ok || e.Wanted != string(authz.Ask) {
		return false
	}
	reason := authz.Reason(e.Reason)
	return a.Kind == bot.FormArrival || a.misnamed && reason != bot.OverLimit || slices.Contains(formHelps, reason)
}

// fieldOf returns the block of the field that a refusal concerns, or "".
func (a act) fieldOf(e bot.Entry) string {
	target := bot.FormTargetBlock
	if a.Account != "" {
		target = bot.FormAccountBlock
	}
	switch authz.Reason(e.Reason) {
	case authz.ReasonRequired, authz.TicketRequired:
		return bot.FormReasonBlock
	case authz.TargetProtected, bot.OwnAccount, bot.TargetIsApp:
		return target
	}
	if a.misnamed {
		return target
	}
	return ""
}

// denyMayPass are the refusals of a Deny that the same form may get past a little later. The
// form names the person, so a card that is not known is none of them.
var denyMayPass = []authz.Reason{bot.LookupFailed, authz.MembershipUnknown}

// formAgain returns the submitted form with what was typed and what is wrong. Where the same
// form cannot succeed, it returns the answer alone.
func (h *desk) formAgain(ctx context.Context, a act, wrong *message.FormError, reason authz.Reason) message.Modal {
	meta := bot.FormMetadata{Opened: bot.ParseFormMetadata(a.Metadata).Opened, Refused: a.ID}
	switch a.CallbackID {
	case bot.FormCallback:
		if filled, ok := bot.FilledFrom(a.Arrival); ok {
			filled.Link = h.cfg.Home.SourceLink(a.source)
			return message.FormFor(meta, filled, &h.cfg.Policy, wrong)
		}
	case bot.DenyCallback:
		if r, err := h.store.Request(ctx, a.Value); err == nil && (wrong.Block != "" || slices.Contains(denyMayPass, reason)) {
			return message.DenyFormAgain(&r, meta, bot.FieldText(a.Reason), wrong)
		}
	}
	return message.FormAnswer(a.CallbackID, wrong.Words)
}
