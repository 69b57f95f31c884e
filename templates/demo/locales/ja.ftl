### 見本のアプリとシミュレーターの言葉

## Every page
skip = 本文へ移動
language-switch = English
account-ordinary = 普通預金
account-savings = 貯蓄預金

## The sample app
app-sample = 見本です。銀行の画面ではありません。
app-footer = { $provider }（見本）
app-title-new = 口座を連携する
app-title = 連携中の口座
app-welcome = 口座の残高と入出金明細を、このアプリで確認できます。
app-welcome-1 = { $institution }の画面に移り、ご本人の確認と許可をしていただきます。
app-welcome-2 = キャッシュカードと、お届けの電話番号の電話をご用意ください。
app-welcome-3 = 暗証番号などの認証情報が、このアプリに伝わることはありません。
app-how = 連携のしかた
app-link = 口座を連携する
app-refresh = 更新
app-revoke = 連携を解除
app-balance = 残高
app-yen = 円
app-as-of = { $time } 現在
app-transactions = 入出金明細
app-no-transactions = この期間の明細はありません。
app-all = 約3か月分をすべて見る
app-deadline = 連携の期限
app-days-left = あと{ $days }<small>日</small>
app-progress = 認可期間の残り
app-progress-text = { $days }日のうち{ $left }日
app-until = { $time }まで
app-reminder = 期限が近づくと、ここでお知らせします。
app-events = できごと
app-planned = （予定）
app-notified = （通知）
app-notice-linked = 口座を連携しました。
app-notice-revoked = 連携を解除しました。このアプリは口座の情報を受け取れません。
app-notice-refreshed = 最新の情報に更新しました。
app-notice-refused = 連携は完了しませんでした（{ $error }）。
app-notice-ended = 連携は終わっています。続けるには、もう一度連携してください。
app-notice-failed = うまくいきませんでした（{ $what }）。
event-consent-granted = お客様が許可しました
event-consent-denied = お客様が拒否しました
event-grant-created = 30日間の連携が始まりました
event-grant-replaced = 新しい許可に置き換わりました
event-grant-updated = 連携の内容が変わりました
event-grant-revoked = 連携が解除されました
event-grant-revoked-client = このアプリから連携を解除しました
event-grant-revoked-customer = お客様が連携を停止しました
event-grant-revoked-institution = 金融機関が連携を停止しました
event-grant-revoked-account = 口座の移管・解約等により連携が終了しました
event-grant-revoked-replay = 安全のため連携を停止しました
event-grant-expiring = まもなく期限です
event-grant-expired = 連携が終わります
event-token-issued = アクセストークンを受け取りました
event-token-revoked = アクセストークンが無効になりました
event-client-changed = このアプリの登録内容が変わりました
event-client-suspended = 金融機関がこのアプリの連携を停止しました
event-client-resumed = 金融機関がこのアプリの連携を再開しました
event-client-ended = このアプリの登録が終了しました
event-other = できごとがありました

## The simulator
sim-title = 電話とメールのシミュレーター
sim-demo = デモ
sim-assure = デモ用です。実際には発信されません。
sim-footer = このシミュレーターは本番では動きません。
sim-dial = 電話をかける
sim-from = 発信元
sim-from-hint = お届け電話番号。見本のお客様は{ $number }です。
sim-to = 発信先
sim-to-hint = 画面④に表示された認証先電話番号
sim-withheld = 非通知でかける
sim-call = 発信する
sim-refused = 電話番号を確認してください。
sim-log = 発信の記録
sim-no-calls = まだ発信していません。
sim-anonymous = 非通知
sim-hung-up = 2コールで切断
sim-not-taken = 届きませんでした
sim-mailbox = メールボックス
sim-count = { $n }通
sim-no-mails = まだ届いていません。許可のあとに、完了のお知らせが届きます。
sim-mail-line = { $time }　{ $to } あて

## The second sample app
kakeibo-name = かけいぼノート
kakeibo-ok = 連携できました
kakeibo-new = 家計簿に口座をつなぐ
kakeibo-new-text = もうひとつの見本です。OpenID Connect（client_secret_basic と PKCE）だけで連携します。
kakeibo-refused = 連携できませんでした
kakeibo-text = OpenID Connect（client_secret_basic と PKCE）で受け取った内容です。
kakeibo-refused-text = 認可サーバーの答え：{ $error }
kakeibo-again = もう一度連携する
