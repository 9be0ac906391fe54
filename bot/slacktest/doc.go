// Package slacktest is a Slack workspace on loopback: the Web API methods
// that a bot needs, Socket Mode, response URLs, modals, Home tabs, and people who
// type commands, press buttons and run shortcuts.
//
// It is strict. It enforces Slack's limits and refuses what it does not know:
// an unknown block field, an unknown parameter, a text that is too long or a
// method it does not model is an error, so that a bot that passes here passes
// there. It counts calls by Slack's rate limit tiers, unless told why not. Where
// Slack quietly ignores or truncates something, this double refuses it, except where
// the table below says that it is ignored or not read.
//
//	s, err := slacktest.Start(slacktest.Config{})
//	defer s.Close()
//	s.AddUser(slacktest.User{ID: "U1", Name: "bob", Email: "bob@contoso.example"})
//	s.AddChannel(slacktest.Channel{ID: "C1", Name: "security", Members: []string{"U1"}, BotIsMember: true})
//	// point the bot at s.APIURL(), s.BotToken() and s.AppToken(), then:
//	ack, err := s.As("U1").Command("C1", "me lost my phone").Wait(ctx)
//	err = s.Until(ctx, func() bool { return len(s.Messages("C1")) == 1 })
//
// A client of another kind takes the address of the Web API as a setting:
// slackApiUrl in @slack/web-api, clientOptions.slackApiUrl in Bolt and
// @slack/socket-mode, baseUrl in slack-web-api-client. The socket's address is in
// the answer to apps.connections.open.
//
// # What it does not model
//
// A refused call is in Calls with its code, and a method that is not modelled is in
// Unknown as well. What is here stricter than Slack mostly says so in the messages of
// the answer (response_metadata).
//
//	at Slack                                       | here                               | because
//	-----------------------------------------------+------------------------------------+--------------------------------------------
//	methods that are not in webapi.go              | unknown_method; listed by Unknown  | no bot here has needed them
//	parameters of those methods that are not in    | invalid_arguments                  | the same; Slack ignores a name that it
//	  webapi.go (username, icon_emoji, as_user,    |                                    | does not know, and a typing mistake
//	  markdown_text, file_ids …)                   |                                    | would pass
//	team_id of another workspace                   | ignored, with every method         | so documented for bots.info and usergroups.*
//	                                               |                                    | with a workspace's token; for the others
//	                                               |                                    | it is what Bolt relies on
//	organization-wide installs and their tokens    | there is none; a foreign token is  |
//	                                               | invalid_auth                       |
//	user tokens (xoxp-), incoming webhooks, OAuth, | not_allowed_token_type,            | a Socket Mode app with a bot token is
//	  token rotation, events over HTTP             | unknown_method, no such address    | what is modelled
//	auth.test with an app-level token              | not_allowed_token_type             | its answer is not documented
//	a token in the query                           | not read: not_authed               | not allowed to apps made since 2021; the
//	                                               |                                    | code is not documented
//	a JSON body to bots.info, users.*, usergroups.*| not read: the answer is that of a  | api.slack.com lists forms only for them;
//	  conversations.*, chat.getPermalink           | call without parameters            | docs.slack.dev lists JSON on every page, and
//	                                               |                                    | Slack was seen to answer so in 2026
//	text/plain                                     | not read, as above                 | a valid type; how it is read is not documented
//	GET with a body, PUT, DELETE …                 | invalid_arguments                  | not documented
//	limit=0 (conversations.members)                | invalid_limit                      | not documented
//	a page with fewer members than there are       | never: pages are full              | allowed to Slack, without a rule to follow
//	thread_ts of a reply                           | invalid_arguments                  | "avoid" it, says Slack; others saw such
//	                                               |                                    | replies come loose from their thread
//	thread_ts of no message                        | thread_not_found                   | Slack posts it into the channel
//	attachments                                    | invalid_arguments, except []       | blocks take their place
//	a text beyond 40,000 characters                | msg_too_long                       | Slack cuts it off
//	#names of channels in other methods than       | channel_not_found                  | the other pages ask for an ID
//	  chat.postMessage and chat.postEphemeral      |                                    |
//	blocks beside section, header, divider,        | invalid_blocks; in a view          | no bot here has needed them
//	  context, actions, input and rich_text        | invalid_arguments                  |
//	elements beside button, users_select, image    | the same                           | the same
//	  and plain_text_input                         |                                    |
//	buttons inside a modal, selects on a message   | shown; nobody can press them       | the same
//	files, reactions, pins, unfurled links, events | no such act, no such event         | the same
//	  other than app_home_opened                   |                                    |
//	selects and inputs in a Home tab               | shown; nobody can use them, and    | the same
//	                                               | state is empty                     |
//	a view without any block                       | invalid_arguments                  | not documented
//	views.update of a Home tab                     | not_found                          | views.publish does it
//	views.publish for others than active people    | invalid_arguments                  | the code is not documented
//	  of this workspace                            |                                    |
//	shortcuts on a message that only one person    | nobody can run them                | Slack offers none there
//	  sees                                         |                                    |
//	block_suggestion, response_urls of a modal     | never sent; empty                  | the same
//	unfurl_links, unfurl_media                     | checked, nothing else              | links are not fetched
//	direct messages of several people (mpim)       | no such channel                    | no bot here has needed them
//	rules of a workspace: who may post, how long   | none                               | the same
//	  a message may be changed, what is kept       |                                    |
//	ephemeral messages that get lost               | they are always shown              | the test would have no way to tell
//	user groups on a free plan                     | no plan_upgrade_required           |
//	locale                                         | everybody's is en-US               |
//	time zones, avatars, has_2fa                   | one for all, or absent             |
//	what Slack fills into stored blocks            | block_id and action_id alone; a    | not documented
//	  (emoji, verbatim …)                          | view's texts have "emoji": true    |
//	"value": "" of a button                        | not sent with the click            | not documented
//	a retry after an ack that never came           | Delivery.Redeliver and Replay      | documented for events only, and a test decides
//	                                               |                                    | when
//	an ack that arrives on another socket          | recorded only (AckOnAnySocket)     | not documented
//	the code while Socket Mode is off              | socket_mode_not_enabled            | not documented
//	msg_blocks_too_long                            | from MaxBlocksText                 | measured by others, not documented
//	the rate of chat.postMessage                   | 5 at once, then one a second and   | "about one a second, short bursts are
//	                                               | channel                            | tolerated"; no limit for the workspace
//	HTTPS                                          | http:// and ws:// on loopback      | nothing leaves the machine
//
// Nothing here imports testing or a Slack client: it serves a demo as well as
// a test. All methods of Server may be called from any goroutine.
package slacktest
