### Words of the sample apps and the simulator

## Every page
skip = Skip to main content
language-switch = 日本語
account-ordinary = Ordinary deposit
account-savings = Savings deposit

## The sample app
app-sample = A sample. This is not a page of a bank.
app-footer = Provider: <span lang="ja">{ $provider }</span> (sample)
app-title-new = Link an account
app-title = Linked accounts
app-welcome = See the balance and the transactions of your account in this app.
app-welcome-1 = You will go to a page of { $institution }, which confirms who you are and asks for your permission.
app-welcome-2 = Please have your cash card and your registered phone at hand.
app-welcome-3 = Your PIN and the like never reach this app.
app-how = How linking works
app-link = Link an account
app-link-again = Link again
app-refresh = See the latest balance and transactions
app-revoke = End the link
app-balance = Balance
app-yen = { " " }yen
app-as-of = as of { $time }
app-transactions = Transactions
app-no-transactions = There are no transactions in this period.
app-all = Show about three months
app-deadline = Until when
app-days-left =
    { $days ->
        [one] { $days } <small>day left</small>
       *[other] { $days } <small>days left</small>
    }
app-progress = What is left of the period
app-progress-text = { $left } of { $days } days
app-until = until { $time }
app-reminder = You will see a reminder here when the end is near.
app-my-text = You can also see and stop your links on a page of { $institution }.
app-my = Check and stop linked services
app-events = What happened
app-planned = { " " }(planned)
app-notified = { " " }(notified)
app-notice-linked = Your account is linked.
app-notice-revoked = The link has ended. This app receives no more account information.
app-notice-refreshed = The information is up to date.
app-notice-refused = Your account was not linked.
app-notice-ended = The link to your account has ended. To go on, please link it again.
app-notice-failed = Something went wrong in this app. Please try again later.
app-notice-expired = Your permission has run out. To go on, please link your account again.
app-notice-unavailable = The bank’s service is not available at the moment. Please try again later.
app-notice-broken = Something went wrong at the bank. Please try again later.
app-notice-not_asked = That was not started from this page. Please link your account again.
app-sample-customer = Sample customer
app-sample-text = When you link an account, enter these details. They belong to nobody.
app-sample-account = Account
app-sample-account-line = Branch { $branch }, ordinary deposit { $number }
app-sample-name = Name
app-sample-birth = Date of birth
app-sample-phone = Phone number
app-sample-pin = PIN
app-sample-call = You make the call with the simulator. The e-mail arrives there too.
app-new-tab = { " " }(opens in a new tab)
app-revoke-text = If you end the link, this app can no longer get account information. This cannot be undone. To link again, you will have to go through the bank’s pages again.
app-revoke-now = Yes, end the link
event-consent-granted = The customer allowed it
event-consent-denied = The customer refused
event-app-not-linked = The account was not linked
event-app-unavailable = The bank’s service was not available
event-app-link-failed = Something went wrong at the bank
event-grant-created = The link began
event-grant-replaced = A newer permission took its place
event-grant-updated = The link covers something else now
event-grant-revoked = The link was ended
event-grant-revoked-client = This app ended the link
event-grant-revoked-customer = The customer stopped the link
event-grant-revoked-institution = The institution stopped the link
event-grant-revoked-account = The link ended because the account was moved or closed
event-grant-revoked-replay = The link was stopped for safety
event-grant-expiring = A reminder that the end is near
event-grant-expired = The permission ran out
event-grant-expired-planned = The permission will run out
event-token-issued = An access token was received
event-token-revoked = The access token is no longer valid
event-client-changed = The record of this app changed
event-client-suspended = The institution suspended this app
event-client-resumed = The institution resumed this app
event-client-ended = The registration of this app ended
event-other = Something happened

## The simulator
sim-title = Phone and mailbox simulator
sim-demo = Demo
sim-assure = For demonstrations. No real call is made.
sim-footer = This simulator does not run in production.
sim-dial = Place a call
sim-from = From
sim-from-hint = The registered number. The sample customer’s is { $number }.
sim-to = To
sim-to-hint = The number shown on screen ④
sim-withheld = Withhold the number
sim-call = Call
sim-refused = Please check the numbers.
sim-log = Calls
sim-no-calls = No calls yet.
sim-anonymous = withheld
sim-hung-up = ended after two rings
sim-not-taken = not delivered
sim-mailbox = Mailbox
sim-count =
    { $n ->
        [one] { $n } message
       *[other] { $n } messages
    }
sim-no-mails = Nothing yet. The notice of completion comes after the permission.
sim-mail-line = { $time }, to { $to }
sim-clock = The demo’s clock
sim-now = When this page was shown
sim-clock-text = The server, the app, the account API and the bank all use this clock. “Move forward one day” moves it exactly 24 hours from the moment you press it. It never goes back. After a move, the time of clients outside the demo no longer fits.
sim-day = Move forward one day
sim-bank = Reports from the bank
sim-bank-text = The sample bank tells the authorization server what has happened to an account. Links whose owner was verified with this account end. The bank’s books stay as they are, so the account can be linked again.
sim-account = Account
sim-change-transferred = Transferred
sim-change-closed = Closed
sim-change-deceased = Deceased
sim-change-stopped = Stopped
sim-reported = accepted

## The second sample app
kakeibo-name = Kakeibo Note
kakeibo-ok = Linked
kakeibo-new = Link an account to your household book
kakeibo-new-text = The other sample app: it links with plain OpenID Connect (client_secret_basic and PKCE).
kakeibo-refused = Not linked
kakeibo-text = What came back by OpenID Connect (client_secret_basic and PKCE).
kakeibo-again = Link again

## The documents that the demo's pages lead to
document-sample = A sample for the demo. It belongs to no real bank and no real company.
document-api-terms = API terms of use
document-faq = Frequently asked questions
document-faq-1 = <b>I do not know which phone number is registered.</b><br>Please ask the branch that holds your account.
document-faq-2 = <b>The e-mail about my link has not arrived.</b><br>Please check your spam filter. In this demo it arrives in the mailbox of the simulator.
document-faq-3 = <b>How do I stop a link?</b><br>On the page “Check and stop linked services”, or in the app you linked. You can also call us.
document-terms = Terms of use
document-terms-1 = This app uses information about the accounts you link only to show you their balances and transactions.
document-terms-2 = You can end a link at any time. After that, this app can no longer get account information.
document-disclosure = Published contract terms
document-disclosure-1 = A company that provides such an app publishes here what the law requires of its contract with the bank.
document-disclosure-2 = That is who bears which losses if a customer suffers damage, and how customers’ information is kept safe.
