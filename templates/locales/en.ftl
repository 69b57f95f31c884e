# Every text of the pages, English. Legal sentences (legal-…) are for reference: the page has the Japanese folded below them.
# Known everywhere: $us how the institution calls itself in Japanese, $institution its English name.

## Every page
skip = Skip to main content
language-switch = 日本語
assure = This page is run by { $institution }
error-prefix = Error:{" "}
test-mode = This is a test system. It cannot be used with real accounts.
steps-label = Steps
steps-now = Step
step-1 = Your account
step-2 = About you
step-3 = Your phone number
step-4 = Phone call
step-5 = Cash card PIN
step-6 = Permission
screen-id = Screen ID: { $id }
terms = API terms of use (Japanese)
faq = Frequently asked questions (Japanese)
contact = Contact
contact-department = Department: { $department }
contact-hours = Opening hours: { $hours }
new-tab = { " " }(opens in a new tab)
binding-text = Show the Japanese text
reference-translation = For reference only. The Japanese text is the one that applies.
required = (required)
next = Next
cancel = Cancel
return = Back to the app
fraud = If someone on the phone is telling you what to do here, please cancel.
asking = We are checking with our banking system. Please wait a moment.
time-text = For your safety, the session ends at { $idle } if you do nothing, and at { $whole } at the latest.
time-text-whole = For your safety, the session ends at { $whole }.
time-extended = You now have more time.
restart-kept = Start again and keep what I entered

## Titles
title-account = Account linking (Your account)
title-customer = Account linking (About you)
title-phone = Account linking (Your phone number)
title-call = Account linking (Phone call)
title-pin = Account linking (Cash card PIN)
title-consent = Account linking (Permission)
title-cancelled = You cancelled account linking
title-locked = Account linking is suspended
title-closed = Outside service hours
title-reopened = The service is open again
title-busy = The service is busy
title-too-often = Too many entries
title-no-account = No account can be linked
title-invalid-grant = We could not confirm the link to be changed
title-no-days = No transactions can be shared
title-failed = The service is not available
title-off = The service is suspended
title-expired-call = The time to call has run out
title-expired-time = Your session has ended
title-expired-elsewhere = This page can no longer be used
title-done = Account linking is complete
title-handover = Return to the app
title-oauth-error = The link cannot be started
title-home = Account linking
title-nowhere = Page not found
title-form-post = Returning to the app

## Words of accounts
account-ordinary = Ordinary deposit
account-savings = Savings deposit
account-line = <span class="keep">Branch { $branch },</span> <span class="keep">{ $kind } { $number }</span>
account-branch-and-number = Branch { $branch }, account number { $number }
last4 = last four digits { $digits }
account-info = Your account
datetime = Date and time
app = App
reference = Reference number

## ①
disclaimer = Disclaimer
legal-disclaimer = This service gives your financial information to the company that runs the app, { $provider }. Please agree to our API terms of use (linked at the bottom of the page) and use the service at your own risk.
caution = Please note
legal-caution = Beware of e-mails and text messages that claim to come from us. We never ask you to enter your PIN by e-mail. Do not reply to such messages or open their links.
account-time = This takes about five minutes. After { $n } minutes, you will have to start again.
account-needs = What you need: your cash card, and the phone whose number is registered with us
account-lead-1 = Thank you for banking with us.
account-lead-2 = Please have your cash card ready and enter your account details.
closing = The service closes soon
closing-at = The service closes at { $time }. If you have not finished by then, you will have to start again.
card-where = Where do I find this on my card?
card-figure = Example of the front of a cash card: the branch number has three digits, the account number the seven digits to its right.
card-title = Cash card
label-branch = Branch number
hint-branch = (three digits)<br>e.g. 005 or 010
label-account_type = Account type
label-account_number = Account number
hint-account_number = (digits)<br>e.g. 123, 0000123 or 1234567

## ②
customer-lead-1 = Next, we confirm who you are.
customer-lead-2 = Please enter your name, date of birth and phone number.
account-again = Change the account details
customer-section = About you
label-name_kana = Name in katakana
hint-name_kana = (half-width katakana) e.g. <span lang="ja">ﾃﾞｰﾀ ﾀﾛｳ</span><br>We convert hiragana and full-width katakana for you.
bad-characters = These characters cannot be used: <span lang="ja">{ $characters }</span>
bad-kanji = Kanji ({ $characters }) cannot be used. Please enter how your name is read, in hiragana or katakana.
label-birth_year = Date of birth
hint-birth = (digits) e.g. 1985 or S60
birth-western = In the Western calendar: { $year }
birth-year = Year
birth-era-year = Year of the era
wrong-year = Please enter the year with four digits (such as 1954), or with its era (such as S29).
wrong-era-ends = The { $era } era ended in its year { $years }, on { $day }.
wrong-era-begins = The { $era } era began on { $day }.
wrong-day = In { $year }, that month had only { $days } days.
wrong-too-early = Please enter a date on or after 1 January 1900.
wrong-future = This date is in the future.
era-M = Meiji
era-T = Taisho
era-S = Showa
era-H = Heisei
era-R = Reiwa
year = year
month = month
day = day
phone-section = Phone number
phone-registered = Please enter the phone number that is registered with us.
phone-how = (You will be asked to call us from this number.)
label-phone = Phone number
hint-phone = (digits, no hyphens)
wrong-phone-few = You entered { $n } { $n ->
    [one] digit
   *[other] digits
    }. { $missing ->
    [one] One digit is
   *[other] { $missing } digits are
    } missing.
wrong-phone-many = You entered { $n } digits, which is { $extra } too many.
wrong-phone-zero = Please include the 0 at the beginning.
email-section = E-mail address
email-purpose = We will send you an e-mail when your account is linked. Please enter your e-mail address.
email-domain = It will come from <span class="keep">@{ $domain }</span>.
label-email = E-mail address
hint-email = (letters, digits, symbols)
label-email_confirm = E-mail address (again)
hint-email_confirm = (letters, digits, symbols)<br>Please enter the same address again

## ③
phone-lead = You confirm your phone number by calling us.
registered-phone = Registered phone number
phone-number = Phone number
name-converted = Your name will be recorded like this.
name-again = Change the name
before-call = Get your phone ready
before-call-1 = Once the next screen appears, you have { $seconds } seconds to call us from this number. Please have the phone at hand.
before-call-2 = If you usually withhold your number, dial 186 first.
phone-decide = Use this number

## ④
call-title = Phone call
call-lead-1 = Please call the number on this page from your registered phone.
call-lead-2 = When the call has ended, press “Confirm”.
call-from = From
call-to = To
called-number = Number to call
call-free = (free of charge)
call-now = Call this number
call-copy = Copy the number
call-copied = Copied
call-left = {""}
call-second = {" "}second left
call-seconds = {" "}seconds left
call-stopped = The countdown has stopped. Please press “Confirm” by { $time }.
call-until = Call by
call-until-time = { $time }
call-confirm-until = Press “Confirm” by
call-asks = Are you calling from your registered phone (the one ending in { $digits })?
call-early = We have not received your call yet. First, call the number on this page from your registered phone (the one ending in { $digits }). When the call has ended by itself, press “Confirm” again.
call-other = If you call from a different phone, it will ring too, but you will not be confirmed.
call-new-number = Your time to call has run out, so here is a new number. You can get { $n } more after this one.
call-last-number = Your time to call has run out, so here is a new number. It is the last one.
call-next-number = Show the new number
call-left-spoken = { $n } seconds left to call.
call-waiting = Waiting for your call
call-seen = We have received your call. Please press “Confirm”.
call-withheld = We received a call from a withheld number. If it was yours, please call again and dial 186 first.
call-confirm = Confirm
call-for-app = This call links your account to { $app }
call-notes = Please note
call-note-1 = Please call within { $seconds } seconds of seeing this page.
call-note-2 = We cannot accept calls from a withheld number.
call-note-3 = If you do not hear it ring, please call again.
call-note-4 = Please make sure that you dial the right number.
call-note-5 = After two or three rings the call ends by itself, and you are done. You will not hear a message.
call-note-6 = If you use a smartphone
call-note-7 = If your phone app does not close after the call, hang up and return to the browser.

## ⑤
pin-section = Cash card PIN
pin-lead = Please confirm the PIN of your cash card.
pin-app = { $app } never sees the PIN you enter.
label-pin = PIN of your cash card
hint-pin = (four digits)<br>The PIN you use at ATMs.
pin-of = PIN:
pin-show = Show
pin-hide = Hide

## ⑥
consent-lead = The company that runs the app, <b class="keep">{ $provider }</b>, is asking for the following permission.
remembered = Your identity is already confirmed
remembered-text = You confirmed it on this device at { $time } (account, personal details, phone call and PIN), so steps 1 to 5 are skipped this time.
remembered-not-you = If this was not you, please press “Refuse”.
scope-both = Access to account details and transactions
scope-accounts = Access to account details
scope-transactions = Access to transactions
scope-identity = Recognising you
scope-text = You allow the app to see information about your account.
scope-identity-text = You allow the app to receive a number that it recognises you by.
scope-item-accounts = type of account, account number, balance
scope-item-transactions = transactions (about three months)
scope-item-transactions-days = transactions (from { $from } to { $to })
scope-item-transactions-from = transactions (from { $from } on)
scope-item-transactions-to = transactions (up to { $to })
scope-item-openid = a number that the app recognises you by (for this app only; it is not your account number)
accounts-section = Accounts to link
label-account = Accounts to link
accounts-hint = Only the accounts you tick will be linked.
accounts-fixed = The account you have confirmed will be linked.
error-account-choice = Please choose an account to link.
period = Duration
period-days =
    { $days ->
        [one] { $days } day
       *[other] { $days } days
    }
period-until = until { $date }
period-text = After that, the link ends. To continue, you will have to link your account again.
not-shared = Not shared
not-shared-1 = your PIN, date of birth, registered phone number and e-mail address
not-shared-2 = transfers, withdrawals and other transactions (this permission does not cover them)
provider-section = Who provides the app
app-name = App
provider-name = Provider
registration-number = Registration number
provider-contact = Contact
provider-contact-link = Contact page
provider-terms = Terms of use
provider-terms-link = Read the terms
provider-disclosure = Published contract terms
provider-disclosure-link = Read what is published
provider-downstream = Who the information is passed on to
provider-downstream-one = { $name } ({ $purpose })
asked-again = { $app } is asking you to confirm your identity again.
existing = Already linked
existing-new = To be linked now
existing-whole = Linked from now on
existing-ending = No longer linked after this
existing-period = If you allow this, everything that is linked, old and new, stays linked until { $until }.
existing-all = If you allow this, everything listed above will be linked for all of these accounts.
existing-replaced = If you allow this, the link ends for every account that you leave unticked.
beside-ends = If you allow this, the link you allowed on { $since } (reference number { $reference }) ends.
accounts-added = Choose the accounts to add. If you choose none, the link keeps only the accounts it already has.
consent-notes = Please note
legal-consent-1 = Before you continue, please decide for yourself whether you trust the website.
legal-consent-2 = By pressing “Allow”, you continue under the terms of use of the company that runs the app, { $provider }.
legal-consent-3 = Your PIN and the other details you entered are not disclosed to the app. Communication with the app is encrypted.
legal-consent-4 = You can also end the app’s access by contacting us.
consent-my = You can check and stop your links at any time:
legal-terms = In accordance with our API terms of use, we provide your financial information to the company that runs the app.
legal-agree = I have read our API terms of use and agree to them.
label-agree = Agreement
notices-box = E-mail me these notices too.
notices-which = when the permission is about to end, when the link has ended, when account linking is suspended, when a new link is allowed on this account
notices-hint = We use your e-mail address ({ $masked }) only to send these notices, and erase it within { $n } days after the link has ended.
allow = Allow
deny = Refuse

## Pages that end the way
cancelled-text = Your account was not linked.
cancelled-nothing = Nothing new was shared this time.
cancelled-living = If you allowed a link before, that link continues.
cancelled-current = Your current link with { $app } continues until { $until }.
cancelled-my = To stop it, please use “Check and stop linked services” or call us.
locked-why = Why, and what you can do
locked-1 = Account linking was suspended because incorrect details were entered as many times as is allowed in one day. For each account, wrong personal details (date of birth, phone number) and wrong PINs are counted together.
locked-1-pin = Account linking was suspended because a wrong PIN was entered too many times.
locked-2 = It will be available again <b>from 0:00 on { $date }</b>. Please try again after that.
locked-2-contact = To make it available again, please contact us.
locked-3 = Only account linking is suspended. You can use ATMs and all our other services as usual.
closed-again = When the service is available again
closed-from = from { $time }
closed-when = When the service is unavailable
closed-adhoc = during other system maintenance
reopened = The service is open again.
reopened-restart = Press “Start again” to begin.
reopened-app = Please start again in the app.
my-reopened = Please start again.
busy-text = Please wait a while, then start again in the app.
too-many-text = Please try again in the app after { $time }.
too-often-text = Please go back to the app and start again a little later.
no-account-text = None of the accounts the app asked for can be linked. The app has not received any account information.
invalid-grant-text = The app has not received any account information.
failed-text = Please wait a while and try again. If that does not help, please contact us.
expired-call-text = You need to call within { $seconds } seconds of the phone call screen appearing. That time has passed, so the call no longer counts.
expired-idle-text = Nothing was done for { $n } minutes, so we ended the session for your safety.
expired-whole-text = { $n } minutes have passed since you started, so we ended the session for your safety.
expired-kept = If you press “Start again”, the details you have already sent will be filled in for you.
expired-anew = Please start again in the app.
expired-gone = Too much time has passed to continue from this page.
expired-gone-text = If you have not finished linking, please start again in { $app }.
expired-elsewhere = You continued on another page, you have already finished, or the time for this page is up.
expired-elsewhere-text = Please go to that page, or start again in the app.
restart = Start again
done-text = Linking is complete.
done-next = Please close this page and return to { $app }.
handover-failed = The app did not receive the link. Please start again from the app.
oauth-error-text = The app’s request contains an error, so linking cannot start.
oauth-error-next = Please go back to the app and try again. If this keeps happening, please contact the company that runs the app.
oauth-error-detail = For the developer of the app
home-text = To link an account, please start from the app you want to use.
nowhere-text = There is no page at this address. Please check the address, or start again from the app.
form-post-text = We are taking you back to { $app }.
form-post-next = If nothing happens, please press the button.
form-post-go = Continue

## 連携サービスの確認・停止
title-my = Check and stop linked services
title-my-account = Check and stop linked services (Your account)
title-my-customer = Check and stop linked services (About you)
title-my-phone = Check and stop linked services (Your phone number)
title-my-call = Check and stop linked services (Phone call)
title-my-pin = Check and stop linked services (Cash card PIN)
title-my-locked = Check and stop linked services (Linking is suspended)
title-my-ended = Check and stop linked services (Ended links)
title-my-receipt = Check and stop linked services (Your copy)
title-my-cancelled = Check and stop linked services (Closed)
step-6-my = Check and stop links
my-account-lead = See which services receive information about your accounts, and stop them.
my-account-text = First, we confirm that it is you.
my-customer-lead = Please enter your date of birth and phone number.
my-call-for = This call confirms your identity for “Check and stop linked services”
my-last-visit = Last opened: { $at }. If that was not you, please call us.
my-first-visit = We have no record of this page being opened for you before. If you have any questions, please call us.
my-none = No service receives information about your accounts.
my-count = { $n ->
    [one] <b>One</b> service receives information about your accounts.
   *[other] <b>{ $n }</b> services receive information about your accounts.
}
my-account = { $kind } (account number ending in { $last3 })
my-other-accounts = { $n ->
    [one] One more account that cannot be shown here
   *[other] { $n } more accounts that cannot be shown here
}
my-what = Information shared
my-since = Allowed
my-until = until { $until }
my-days-left = { $n ->
    [one] 1 day left
   *[other] { $n } days left
}
my-last-use = Last used
my-last-use-hint = The last day on which the system that provides your account information checked this permission.
my-provider = About the provider
my-provided-by = Provider: { $provider }
my-of = {" "}({ $app })
my-history = History
my-history-line = { $what } ({ $who })
my-history-ended = Ended ({ $why })
my-change-allowed = Allowed
my-change-widened = More was added
my-change-narrowed = Something was removed
my-change-renewed = Extended
my-change-changed = Changed
my-who-customer = you
my-who-client = the app
my-who-institution = { $institution }
my-who-account = a change to the account
my-who-replay = for safety
my-by-expired = The permission ran out
my-by-customer = Stopped by you
my-by-client = Ended by the app
my-by-institution = Stopped by { $institution }
my-by-account = The account was moved or closed
my-by-replaced = Replaced by a newer permission
my-by-replay = Stopped for safety
my-stop = Stop this link
my-stop-text = If you stop this link, { $app } can no longer get account information through it. Stopping (removing the link) takes effect at once and cannot be undone. To link again, you will have to start from the app and go through the checks again. For questions about information that { $app } has already received, to have it deleted, or to complain, please contact the company that runs the app, { $provider } ({ $contact }).
my-stop-text-no-contact = If you stop this link, { $app } can no longer get account information through it. Stopping (removing the link) takes effect at once and cannot be undone. To link again, you will have to start from the app and go through the checks again. For questions about information that { $app } has already received, to have it deleted, or to complain, please contact the company that runs the app, { $provider }.
my-stop-whole = This account was used to confirm your identity. If you stop the link, it ends for all of its accounts.
my-narrow = Stop this account only: { $account }
my-narrow-text = If you stop it, { $app } can no longer get information about { $account }. The link continues for the other accounts. Stopping takes effect at once and cannot be undone. To link this account again, you will have to start from the app and go through the checks again.
my-narrowed = One account was removed from the link with { $app }
my-narrowed-text = The link continues for the other accounts.
my-notices = Notices are sent to
my-no-mail = Stop sending me notices
my-no-mail-done = You will get no more notices about the link with { $app }
my-no-mail-text = Your e-mail address was erased. The link continues.
my-stop-now = Yes, stop it
my-all = Stop all links
my-stop-all = Stop all links
my-stop-all-text = If you stop them, these { $n } services can no longer get account information through their links. Stopping (removing the links) takes effect at once and cannot be undone. To link again, you will have to start from each app and go through the checks again. For questions about information they have already received, to have it deleted, or to complain, please contact these companies.
my-stop-all-now = Yes, stop all of them
my-stopped = The link with { $app } was stopped
my-stopped-all = { $n ->
    [one] One link was stopped
   *[other] { $n } links were stopped
}
my-stopped-all-text = You can print a copy of each link from “Ended links”.
my-stopped-before = The link with { $app } had already ended
my-stopped-before-text = See “Ended links” for when and why.
my-receipt-of = Show your copy ({ $app })
my-ended = Ended links
my-ended-link = Show the links that ended in the last year
my-ended-none = No link ended in the last year.
my-ended-count = { $n ->
    [one] <b>One</b> link ended in the last year.
   *[other] <b>{ $n }</b> links ended in the last year.
}
my-ended-at = Ended
my-ended-why = Reason
my-back = Back to the linked services
my-receipt-lead = You gave the company that runs the app, <b class="keep">{ $provider }</b>, the following permission.
my-receipt-facts = What was allowed
my-receipt-now = Accounts shared now
my-receipt-then = Accounts shared until the link ended
my-ticked = Ticked
my-unticked = Not ticked
my-receipt-words = What the screen said when you allowed it
my-receipt-today = The wording of the screen was not recorded, so this copy uses today’s wording.
my-receipt-stop = How to stop
my-receipt-stop-text = You can stop this link at any time on “Check and stop linked services” ({ $url }), in the app, or by phone ({ $number }; opening hours: { $hours }).
my-state = State
my-state-open = Linked (until { $until })
my-state-ended = Ended { $at } ({ $why })
my-terms = (version of the terms: { $version })
my-printed = Shown { $at }
my-print = You can print this copy with your browser.
my-time = How long this page stays open
my-time-text = For your safety, this page closes at { $idle } if you do nothing, and at { $whole } at the latest.
my-idle-soon = The session ends soon. Nothing has been done for a while, and two minutes are left.
my-whole-soon = The session ends soon. Two minutes are left.
my-extend = Continue
my-finish = Close
my-finished = You have left “Check and stop linked services”.
my-finished-text = Please close this window.
my-cancelled = You cancelled.
my-cancelled-text = No link was stopped.
my-stop-anyway = If you need to stop a link now
my-closed = This page is not available now. It will be available again from { $time }. You can also remove the link in the app. You can also stop a link by phone ({ $number }; opening hours: { $hours }).
my-locked = Account linking is suspended, so this page cannot be used. You can stop a link by phone ({ $number }; opening hours: { $hours }).
my-stop-phone = You can also remove the link in the app. You can also stop a link by phone ({ $number }; opening hours: { $hours }).
my-stop-contact = The number for stopping a link outside these hours:
my-busy = Please wait a while and try again.
my-too-many = Please try again after { $time }.
my-expired-time = For your safety, the session ends when nothing is done for a while, and when its time is up. Please start again.
my-expired-elsewhere = Please go to the other window, or start again.
my-unknown-accounts = The account could not be confirmed several times, so we ended the session. Please have your cash card ready and start again.

## Errors
error-heading = Please check what you entered
error-missing = Some fields are empty.
error-required = Please fill in this field.
error-branch = Please enter three digits.
error-account-number = Please enter up to seven digits.
error-kana = Please use katakana.
error-kana-long = Please use up to 48 characters.
error-birth-date = Please enter a valid date of birth.
error-birth-year = Please enter the year.
error-birth-month = Please choose the month.
error-birth-day = Please choose the day.
error-phone = Please enter 11 digits if the number begins with 060, 070, 080, 090 or 050, and 10 digits if it does not.
error-email = This is not a valid e-mail address.
error-email-dots = We cannot send notices to an address that has two dots in a row or a dot just before the “@”. Please enter a different address.
error-email-long = Please use up to 64 characters.
error-email-mismatch = The two e-mail addresses do not match.
error-pin = Please enter four digits.
error-agree = Please read the API terms of use and tick the box.
error-r30 = This account cannot be used with this service.
error-r31 = The details you entered do not match our records. Please check them and enter them again.
check-customer = Please check your date of birth and your registered phone number.
check-pin = Please check the PIN of your cash card (the four digits you use at ATMs).
last-try-of-day = If your next try is also wrong, you will not be able to use account linking for the rest of the day. ATM withdrawals and your other transactions are not affected.
last-try-before-lock = If your next try is also wrong, you will no longer be able to use account linking and will have to contact us.
error-r32 = You can no longer use account linking. For details, please contact us.
error-r33 = You cannot use account linking at present. For details, please contact us. The reason code is B84.
error-r34 = The service is not available at this time of day.
error-r35 = The service is busy. Please try again later.
error-r36 = We cannot connect at the moment for technical reasons. If it is urgent, please contact us.
error-r37 = The service is not available at the moment. If it is urgent, please contact us.
error-no-number = No phone number is available at the moment. Please press “Use this number” again after { $time }.
error-no-number-again = No phone number is available at the moment. Please press “Show the new number” again after { $time }.
error-too-often = Too many entries were made in a short time. Please try again after { $time }.
error-check-under-way = This account is being checked in another session. Please wait a moment, then press “Next” again.
error-unknown-accounts = The account could not be confirmed several times, so we ended the session. Please have your cash card ready and start again in the app.
error-invalid-grant = We could not confirm the link to be changed, so we ended the session. Please start again in the app.
error-no-days = The app is asking for transactions on days that cannot be shared. Please start again in the app.
error-r57 = Please start account linking again from the beginning.

## Mail. Who used the English pages reads English first; the Japanese mail stands below it.
mail-japanese = The same notice in Japanese, which is the text that applies:
mail-completed-subject = [{ $institution }] Linking is complete (reference number { $reference })
mail-allowed = You have allowed an app to see information about your account. These are the details:
mail-allowed-identity = You have allowed an app to recognise you. It cannot see your accounts. These are the details:
mail-completed =
    Date and time: { $at }
    App: { $app } (provider: { $provider })
    What you allowed: { $what }
    Account: { $account }
    Duration: { $days } days (until { $until })

    You can check and stop this link on our website, under “Check and stop linked services” (during service hours).
mail-account-none = none (no account information is shared)
mail-account = { $kind } (account number ending in { $last3 })

## Notices to customers who asked for them on ⑥
mail-greeting =
    Dear customer,

    Thank you for banking with { $institution }.
mail-wish = You asked for this notice when you linked your account. If you no longer want it, please tell us on the page “Check and stop linked services” or by phone.
mail-end =
    If you know nothing about this, please call us at once. The number is on the back of your passbook or cash card, and on our website.

    Please do not reply to this e-mail: we cannot answer.
    This e-mail has no links and no attachments. We never ask you for your PIN by e-mail or text message.
mail-expiring-subject = Your link is about to end
mail-expiring =
    The link below is about to end. To keep using it, please link your account again in the app. If you do nothing, the link ends on the date below.

    App: { $app } (provider: { $provider })
    Ends: { $until }
    Reference number: { $reference }
mail-ended-subject = Your link has ended
mail-ended =
    The link below has ended.

    App: { $app } (provider: { $provider })
    Ended: { $at }
    Reason: { $why }
    Reference number: { $reference }
mail-suspended-subject = Account linking is suspended
mail-suspended =
    Account linking for your account was suspended because incorrect details were entered several times. { $released } Your current links and ATM transactions are not affected.

    Date and time: { $at }
mail-suspended-until = It will be available again from 0:00 on { $date }.
mail-suspended-contact = To make it available again, please contact us.
mail-new-link-subject = A new link was allowed
mail-new-link =
    A new link was allowed on your account. You can see it on our website, under “Check and stop linked services”.

    Date and time: { $at }
