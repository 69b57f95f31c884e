# Every text of the pages, English. Legal sentences (legal-…) are summaries: the page shows the Japanese beside them.
# Known everywhere: $us how the institution calls itself in Japanese, $institution its English name.

## Every page
skip = Skip to main content
language-switch = 日本語
assure = This page belongs to { $institution }
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
new-tab = { " " }(opens in a new tab)
reference-translation = 参考訳 (summary; the Japanese text applies)
required = (required)
next = Next
cancel = Cancel
return = Back to the app
fraud = If somebody is telling you on the phone what to do here, please cancel.
asking = We are checking with our banking system. Please wait a moment.
time-text = For your safety this procedure ends at { $idle } if you do nothing, and at { $whole } in any case.
time-text-whole = For your safety this procedure ends at { $whole }.
time-extended = You have more time now.
restart-kept = Start again and keep what I entered

## Titles
title-account = Account linking (Your account)
title-customer = Account linking (About you)
title-phone = Account linking (Your phone number)
title-call = Account linking (Phone call)
title-pin = Account linking (Cash card PIN)
title-consent = Account linking (Permission)
title-cancelled = Account linking was cancelled
title-locked = Account linking is suspended
title-closed = Outside service hours
title-reopened = The service is open again
title-busy = The service is busy
title-too-often = New requests are paused
title-no-account = No account can be linked
title-invalid-grant = The link to be changed cannot be confirmed
title-no-days = No transactions can be shared
title-failed = The service is not available
title-off = The service is suspended
title-expired-call = The time for the call is over
title-expired-time = The time for this procedure is over
title-expired-elsewhere = This procedure has ended
title-done = This procedure is complete
title-handover = Return to the app
title-oauth-error = The link cannot be started
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
legal-disclaimer = This service gives your financial information to { $provider }. Please agree to our API terms of use (see the link at the bottom of the page) and use it at your own responsibility.
caution = Please note
legal-caution = Beware of e-mails and text messages in our name. We never ask you to enter your PIN by e-mail. Do not answer such messages and do not open their links.
account-time = This takes about five minutes. After { $n } minutes you have to start again.
account-needs = What you need: your cash card, and a phone that calls from your registered number
account-lead-1 = Thank you for banking with us.
account-lead-2 = Please have the cash card of your account at hand and enter your account details.
closing = The service closes soon
closing-at = The service closes at { $time }. If you have not finished by then, you will have to start again.
card-where = Where is it on the card?
card-figure = Example of the front of a cash card: the branch number has three digits, the account number the seven digits to its right.
card-title = Cash card
label-branch = Branch number
hint-branch = (three digits)<br>e.g. 005 or 010
label-account_type = Type of account
label-account_number = Account number
hint-account_number = (digits)<br>e.g. 123, 0000123 or 1234567

## ②
customer-lead-1 = We now confirm who you are.
customer-lead-2 = Please enter your name, date of birth and phone number.
account-again = Change the account
customer-section = About you
label-name_kana = Name
hint-name_kana = (half-width katakana) e.g. <span lang="ja">ﾃﾞｰﾀ ﾀﾛｳ</span><br>Hiragana and full-width katakana are converted.
bad-characters = Cannot be used: <span lang="ja">{ $characters }</span>
label-birth_year = Date of birth
hint-birth = (digits) e.g. 1985 or S60
birth-western = In the Western calendar: { $year }
birth-year = Year
year = year
month = month
day = day
phone-section = Phone number
phone-registered = Please enter the phone number you have registered with us.
phone-how = (You will be asked to call a number of ours from it.)
label-phone = Phone number
hint-phone = (digits, no hyphens)
email-section = E-mail address
email-purpose = Please enter the e-mail address to which we send the notice of completion.
email-domain = The notice comes from <span class="keep">@{ $domain }</span>.
label-email = E-mail address
hint-email = (letters, digits, symbols)
label-email_confirm = E-mail address (again)
hint-email_confirm = (letters, digits, symbols)<br>Please enter it twice

## ③
phone-lead = We confirm your phone number by a call.
registered-phone = Registered phone number
phone-number = Phone number
name-converted = This is how your name is recorded.
before-call = Before you go on
before-call-1 = Within { $seconds } seconds of the next screen you will be asked to call us from this number. Please have that phone at hand.
before-call-2 = If your number is withheld, dial 186 first.
phone-decide = Use this number

## ④
call-title = Phone call
call-lead-1 = Please call the number below from your registered phone.
call-lead-2 = When the call has ended, press “Confirm”.
call-from = From
call-to = To
called-number = Number to call
call-free = (free of charge)
call-now = Call this number
call-copy = Copy the number
call-copied = Copied
call-left = Left
call-seconds = s
call-until = Call by
call-until-time = { $time }
call-confirm-until = Press “Confirm” by
call-asks = Are you calling from your registered phone (the one ending in { $digits })?
call-new-number = The time for the call is over, so we give you a new number (after this one: { $n } more).
call-last-number = The time for the call is over, so we give you a new number (this is the last one).
call-next-number = Show the new number
call-left-spoken = { $n } seconds left.
call-waiting = Waiting for your call
call-seen = We have seen your call. Please press “Confirm”.
call-withheld = A call came without its number. If it was yours, please call again with 186 in front.
call-confirm = Confirm
call-for-app = This call links your account to { $app }
call-notes = Please note
call-note-1 = Please call within { $seconds } seconds of this page being shown.
call-note-2 = A call with a withheld number cannot be accepted.
call-note-3 = If you hear no ringing, please call again.
call-note-4 = Please take care to dial the right number.
call-note-5 = After two or three rings the call ends by itself and is complete. There is no announcement.
call-note-6 = If you use a smartphone
call-note-7 = If the phone app does not close after the call, hang up and return to the browser.

## ⑤
pin-section = Cash card PIN
pin-lead = We confirm the PIN of your cash card.
pin-app = { $app } never gets the PIN you enter.
label-pin = PIN of your cash card
hint-pin = (four digits)<br>The four digits you use at an ATM.
pin-of = PIN:
pin-show = Show
pin-hide = Hide

## ⑥
consent-lead = <b class="keep">{ $provider }</b> asks for the following permission.
remembered = Your identity is already confirmed
remembered-text = You confirmed it on this device at { $time } (account, personal details, telephone call and PIN). So steps 1 to 5 are skipped this time.
remembered-not-you = If this was not you, please press “Refuse”.
scope-both = Access to account details and transactions
scope-accounts = Access to account details
scope-transactions = Access to transactions
scope-identity = Recognising you
scope-text = You allow access to the information of your account.
scope-identity-text = You allow the app to receive a number by which it recognises you.
scope-item-accounts = type of account, account number, balance
scope-item-transactions = transactions (about three months)
scope-item-transactions-days = transactions (from { $from } to { $to })
scope-item-transactions-from = transactions (from { $from })
scope-item-transactions-to = transactions (until { $to })
scope-item-openid = a number by which the app recognises you (made for this app; not your account number)
accounts-section = Accounts to link
label-account = Accounts to link
accounts-hint = Only the accounts you tick are linked.
accounts-fixed = The account you have just confirmed is linked.
error-account-choice = Please choose an account to link.
period = Period
period-days =
    { $days ->
        [one] { $days } day
       *[other] { $days } days
    }
period-until = until { $date }
period-text = The link ends after that. To go on, you will be asked to confirm it again.
not-shared = Not shared
not-shared-1 = your PIN, date of birth, registered phone number and e-mail address
not-shared-2 = transfers, withdrawals and the like (this permission does not allow them)
provider-section = Who provides the app
app-name = App
provider-name = Provider
registration-number = Registration number
provider-contact = Contact
provider-contact-link = Contact page
provider-terms = Terms of use
provider-terms-link = Read the terms
provider-disclosure = Published contract
provider-disclosure-link = See what is published
provider-downstream = Who gets the information next
provider-downstream-one = { $name } ({ $purpose })
asked-again = { $app } asks you to confirm your identity again.
existing = Already linked
existing-new = Newly linked
existing-whole = The link afterwards
existing-ending = Ends with this permission
existing-period = If you allow this, everything linked, old and new, is linked until { $until }.
existing-all = If you allow this, everything named above is linked for every account.
existing-replaced = With this permission, the link to each account that you do not tick ends.
beside-ends = With this permission, the link allowed on { $since } (reference { $reference }) ends.
accounts-added = Choose the accounts to add. If you choose none, only the accounts already linked stay linked.
consent-notes = Please note
legal-consent-1 = Before you go on, please judge for yourself whether you can trust the site.
legal-consent-2 = By pressing “Allow” you continue under the terms of use of { $provider }.
legal-consent-3 = Your PIN and the other things you entered are not disclosed to the app. Communication with it is encrypted.
legal-consent-4 = You can also end the app’s access by contacting us.
consent-my = You can check and stop a link at any time:
legal-terms = Under our API terms of use we give your financial information to the provider of the app.
legal-agree = I have read our API terms of use and agree to them.
label-agree = Agreement
notices-box = Please send me these notices by e-mail too.
notices-which = when the permission is about to end, when the link has ended, when account linking was suspended, when a new link was allowed on this account
notices-hint = Your e-mail address ({ $masked }) is used only to send these notices and is erased within { $n } days after the link has ended.
allow = Allow
deny = Refuse

## Pages that end the way
cancelled-text = Account linking was cancelled.
cancelled-nothing = Nothing new was shared in this procedure.
cancelled-living = If you allowed a link before, that link goes on.
cancelled-current = Your current link with { $app } goes on until { $until }.
cancelled-my = To stop it, please use “Check and stop linked services” or call us.
locked-why = Why, and what you can do
locked-1 = Account linking was suspended because wrong details were entered several times.
locked-2 = It is released by itself <b>from 0:00 on { $date }</b>. Please try again after that.
locked-2-contact = To have it released, please contact us.
locked-3 = Only account linking is suspended. ATM withdrawals and all other services are not affected.
closed-again = The service is available again
closed-from = from { $time }
closed-when = When the service is not available
closed-adhoc = during other system maintenance
reopened = The service is open again.
reopened-restart = Press “Start again” to begin.
reopened-app = Please start again in the app.
my-reopened = Please start again.
busy-text = Please wait a little and start again in the app.
too-many-text = Please try again in the app after { $time }.
too-often-text = Please go back to the app and start again a little later.
no-account-text = None of the accounts the app asked for can be linked. The app has received no account information.
invalid-grant-text = The app has received no account information.
failed-text = Please wait a little and try again. If it does not help, please contact us.
expired-call-text = The call must come within { $seconds } seconds of the phone call screen being shown. The time is over, so this call no longer counts.
expired-time = The time for this procedure is over.
expired-idle-text = Nothing was done for { $n } minutes, so we ended this procedure for your safety.
expired-whole-text = { $n } minutes have passed since the start, so we ended this procedure for your safety.
expired-kept = If you press “Start again”, what you have sent is filled in again.
expired-anew = Please start again in the app.
expired-elsewhere = This procedure was continued on another page, or is complete.
expired-elsewhere-text = Please look at the other page, or start again in the app.
restart = Start again
done-text = The link is complete.
done-next = Please close this page and return to { $app }.
handover-failed = The app did not receive the link. Please start once more from the app.
oauth-error-text = The app’s request is not correct, so the procedure cannot start.
oauth-error-next = Please return to the app and try again. If it happens again, please ask the provider of the app.
oauth-error-detail = For the developer of the app
form-post-text = You are returning to { $app }.
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
my-account-lead = See which services get information about your accounts, and stop them.
my-account-text = First we check that it is you. Have these ready: your cash card, and a telephone with the number you registered.
my-customer-lead = Please enter your date of birth and telephone number.
my-call-for = This call confirms that it is you who checks and stops linked services
my-last-visit = Last opened: { $at }. If that was not you, please call us.
my-first-visit = We have no record that this page was opened for you before. If you have a question, please call us.
my-none = No service gets information about your accounts.
my-count = { $n ->
    [one] <b>One</b> service gets information about your accounts.
   *[other] <b>{ $n }</b> services get information about your accounts.
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
my-last-use-hint = The day on which the system that holds your account information last checked the permission.
my-provider = About the provider
my-of = {" "}({ $app })
my-history = History
my-history-line = { $what } ({ $who })
my-history-ended = Ended ({ $why })
my-change-allowed = Allowed
my-change-widened = More was added
my-change-narrowed = Something was taken out
my-change-renewed = Period renewed
my-change-changed = Changed
my-who-customer = you
my-who-client = the app
my-who-institution = { $institution }
my-who-account = a change of the account
my-who-replay = for safety
my-by-expired = The period was over
my-by-customer = Stopped by you
my-by-client = Ended by the app
my-by-institution = Stopped by { $institution }
my-by-account = The account was moved or closed
my-by-replaced = Replaced by a newer permission
my-by-replay = Stopped for safety
my-stop = Stop this link
my-stop-text = When you stop, { $app } can no longer get account information through this link. Stopping (removing the link) happens at once and cannot be undone. To link again, you must pass the checks again from the app. For what { $app } received before, for its deletion and for complaints, please ask { $provider } ({ $contact }).
my-stop-text-no-contact = When you stop, { $app } can no longer get account information through this link. Stopping (removing the link) happens at once and cannot be undone. To link again, you must pass the checks again from the app. For what { $app } received before, for its deletion and for complaints, please ask { $provider }.
my-stop-whole = This account was used to check that it was you. When you stop, the link ends for all its accounts.
my-narrow = Stop this account only: { $account }
my-narrow-text = When you stop, { $app } can no longer get information about { $account }. The link goes on for the other accounts. Stopping happens at once and cannot be undone. To link this account again, you must pass the checks again from the app.
my-narrowed = One account was taken out of the link with { $app }
my-narrowed-text = The link goes on for the other accounts.
my-notices = Notices are sent to
my-no-mail = Send no more notices
my-no-mail-done = No more notices are sent about the link with { $app }
my-no-mail-text = The email address was erased. The link goes on.
my-stop-now = Stop now
my-all = Stop all links
my-stop-all = Stop all links
my-stop-all-text = When you stop, these { $n } services can no longer get account information through their links. Stopping (removing the links) happens at once and cannot be undone. To link again, you must pass the checks again from each app. For what was received before, for its deletion and for complaints, please ask these companies.
my-stop-all-now = Stop all now
my-stopped = The link with { $app } was stopped
my-stopped-all = { $n ->
    [one] One link was stopped
   *[other] { $n } links were stopped
}
my-stopped-all-text = You can print a copy of each link from “Ended links”.
my-stopped-before = The link with { $app } had ended before
my-stopped-before-text = “Ended links” says when and why.
my-receipt-of = Show the copy ({ $app })
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
my-receipt-lead = You allowed <b class="keep">{ $provider }</b> the following.
my-receipt-facts = What was allowed
my-receipt-now = Accounts shared now
my-receipt-words = What the screen said when you allowed it
my-receipt-today = The wording of that screen was not recorded, so this receipt uses today’s wording.
my-receipt-stop = How to stop
my-receipt-stop-text = You can stop this link at any time on “Check and stop linked services” ({ $url }), in the app, or by telephone ({ $number }, { $hours }).
my-state = State
my-state-open = Linked (until { $until })
my-state-ended = Ended { $at } ({ $why })
my-terms = (version of the terms: { $version })
my-printed = Shown { $at }
my-print = You can print this copy with your browser.
my-time = How long this page stays open
my-time-text = For your safety this page closes at { $idle } if you do nothing, and at { $whole } in any case.
my-idle-soon = This page closes in two minutes because nothing was done.
my-whole-soon = This page closes in two minutes.
my-extend = Go on
my-finish = Close
my-finished = “Check and stop linked services” was closed.
my-finished-text = Please close this window.
my-cancelled = You cancelled.
my-cancelled-text = No link was stopped.
my-stop-anyway = To stop a link all the same
my-closed = This page cannot be used now. It opens again { $time }. You can also remove the link in the app. You can also stop a link by telephone ({ $number }, <span lang="ja">{ $hours }</span>).
my-locked = Linking is suspended, so this page cannot be used. You can stop a link by telephone ({ $number }, <span lang="ja">{ $hours }</span>).
my-stop-phone = You can also remove the link in the app. You can also stop a link by telephone ({ $number }, <span lang="ja">{ $hours }</span>).
my-stop-contact = The number for stopping a link outside these hours:
my-busy = Please wait a while and try again.
my-too-many = Please try again after { $time }.
my-expired-time = For your safety we end this when nothing is done for a while, and when the time is over. Please start again.
my-expired-elsewhere = Please look at the other window, or start again.
my-unknown-accounts = We could not confirm an account several times, so this was ended. Please have your cash card ready and start again.

## Errors
error-heading = Please check what you entered
error-missing = Some fields are empty.
error-required = Please fill this in.
error-branch = Please enter three digits.
error-account-number = Please enter up to seven digits.
error-kana = Please use katakana.
error-kana-long = Please use up to 48 characters.
error-birth-date = Please enter a correct date of birth.
error-birth-year = Please enter the year.
error-birth-month = Please choose the month.
error-birth-day = Please choose the day.
error-phone = Please enter 11 digits if the number begins with 060, 070, 080, 090 or 050, and 10 digits if it does not.
error-email = This is not an e-mail address.
error-email-dots = We cannot deliver notices to an address with two dots in a row or with a dot just before the “@”. Please enter another address.
error-email-long = Please use up to 64 characters.
error-email-mismatch = The two e-mail addresses differ.
error-pin = Please enter four digits.
error-agree = Please read the API terms of use and tick the box.
error-r30 = This account cannot be used with this service.
error-r31 = The details for confirming your identity are not correct. Please check them and enter them again.
check-customer = Please check your date of birth and your registered phone number.
check-pin = Please check the PIN of your cash card (the four digits you use at ATMs).
last-try-of-day = If the next try is wrong too, account linking cannot be used for the rest of the day. Withdrawals at ATMs and your other transactions are not affected.
last-try-before-lock = If the next try is wrong too, account linking can no longer be used, and you will have to contact us to have it released.
error-r32 = This can no longer be used. For details please contact us.
error-r33 = This cannot be used at present. For details please contact us. The reason code is B84.
error-r34 = The service is not available at this time.
error-r35 = The service is busy. Please try again later.
error-r36 = We have lost the connection for technical reasons. If it is urgent, please contact us.
error-r37 = The service is not available at present. If it is urgent, please contact us.
error-no-number = There is no number we can give you at the moment. Please press “Use this number” again after { $time }.
error-no-number-again = There is no number we can give you at the moment. Please press “Show the new number” again after { $time }.
error-too-often = Too much was entered in a short time, so new entries are paused. Please try again after { $time }.
error-check-under-way = This account is being checked in another screen. Please wait a little, then press “Next” again.
error-unknown-accounts = The account could not be confirmed several times, so this procedure has ended. Please have your cash card at hand and start again in the app.
error-invalid-grant = The link to be changed could not be confirmed, so this procedure has ended. Please start again in the app.
error-no-days = The app asks for transactions of days that cannot be shared. Please start again in the app.
error-r57 = Please start account linking again from the beginning.

## The completion notice: Japanese, with this below it for those who used the English pages
mail-completed-subject = [{ $institution }] Account linking is complete (reference number { $reference })
mail-completed = { $institution }: { $at }, { $app } ({ $provider }), { $what }, { $account }, { $days }, { $until }, { $hours }, { $us }
mail-account-none = none (no account is shared)
mail-completed-english = { $institution }: you have allowed { $app } ({ $provider }) to read your account for { $days } days. You can check and stop it on our website, under “Check and stop linked services”. If this was not you, please call the number on the back of your passbook or cash card ({ $hours }).
mail-completed-english-identity = { $institution }: you have allowed { $app } ({ $provider }) to recognise you for { $days } days. It cannot read your accounts. If this was not you, please call the number on the back of your passbook or cash card ({ $hours }).

## Notices to customers who asked for them on ⑥: Japanese, with the English text below it for those who used the English pages
mail-greeting = Thank you for using { $institution }.
mail-wish = You asked for this notice when you linked your account. If you no longer want it, please say so on the page “Check and stop linked services” or by telephone.
mail-end = If you do not know about this or want to end a link, please call the number on the back of your passbook or cash card, or on the site of { $us } ({ $hours }).
mail-expiring-subject = Your link is about to end
mail-expiring = { $institution }: your permission for { $app } ({ $provider }) ends on { $until } (reference number { $reference }). To go on using it, please link your account again in the app. Otherwise the link ends then.
mail-ended-subject = Your link has ended
mail-ended = { $institution }: your link to { $app } ({ $provider }) ended on { $at } (reference number { $reference }). Reason: { $why }.
mail-suspended-subject = Account linking is suspended
mail-suspended = { $institution }: on { $at }, account linking for your account was suspended because wrong details were entered several times. { $released } Your links and ATM withdrawals are not affected.
mail-suspended-until = It is released by itself from 0:00 on { $date }.
mail-suspended-contact = To have it released, please contact us.
mail-new-link-subject = A new link was allowed
mail-new-link = { $institution }: on { $at }, a new link was allowed on your account. You can see it on the page “Check and stop linked services” on the site of { $us }.
