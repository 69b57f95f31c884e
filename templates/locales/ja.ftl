# Every text of the pages, Japanese: the language the law speaks. Exact strings are those of the institution's manual;
# an institution may word its own. Texts may hold markup; arguments are escaped before they are put in.
# Known everywhere: $us 当信用組合 (or 当金庫, 当行, 当組合), $institution the institution's name.
# Names that begin with legal- are whole legal sentences: the English pages show them in Japanese too.

## Every page
skip = 本文へ移動
language-switch = English
assure = この画面は{ $institution }のものです
error-prefix = エラー：
test-mode = テスト環境です。実際の口座やお取引には使えません。
steps-label = お手続きの流れ
steps-now = 現在の手順
step-1 = ご利用口座情報入力
step-2 = お客様情報入力
step-3 = 電話番号の確認
step-4 = 電話番号認証
step-5 = 暗証番号認証
step-6 = 情報連携認可
screen-id = 画面ID : { $id }
terms = API利用規定
faq = よくあるご質問
contact = お問い合わせ先
contact-department = { $department }
contact-hours = { $hours }
new-tab = （新しいタブで開きます）
binding-text = 日本語の原文を表示する
reference-translation = 参考訳
required = [必須]
next = 次へ
cancel = 中止する
return = 連携元画面へ
fraud = 電話で操作を指示されている場合は中止してください。
asking = { $us }のシステムに確認しています。しばらくお待ちください。
time-text = 安全のため、このお手続きは、操作がないと{ $idle }に、操作を続けても{ $whole }に終了します。
time-text-whole = 安全のため、このお手続きは{ $whole }に終了します。
time-extended = お手続きの時間を延ばしました。
restart-kept = 入力内容を残して最初からやり直す

## Titles: the exact text of <title> and of the heading
title-account = API連携認証 (ご利用口座情報入力)
title-customer = API連携認証 (お客様情報入力)
title-phone = API連携認証（電話番号の確認）
title-call = API連携認証 (電話番号認証)
title-pin = API連携認証（キャッシュカード暗証番号認証）
title-consent = API連携認証 (情報連携認可)
title-cancelled = API連携認証の中止
title-locked = API連携認証の一時停止
title-closed = サービス時間外のお知らせ
title-reopened = サービス再開のお知らせ
title-busy = 受付混雑のお知らせ
title-too-often = 受付一時停止のお知らせ
title-no-account = 連携できる口座がないお知らせ
title-invalid-grant = 変更する連携を確認できないお知らせ
title-no-days = 提供できる期間がないお知らせ
title-failed = お取扱いできないお知らせ
title-off = サービス停止のお知らせ
title-expired-call = お電話の期限が過ぎました
title-expired-time = お手続きの時間が過ぎました
title-expired-elsewhere = このお手続きは終了しています
title-done = お手続きは完了しています
title-handover = アプリへの受け渡し
title-oauth-error = 連携を開始できません
title-home = 口座の連携
title-nowhere = ページが見つかりません
title-form-post = アプリに戻ります

## Words of accounts
account-ordinary = 普通預金
account-savings = 貯蓄預金
account-line = <span class="keep">店番 { $branch }</span> <span class="keep">{ $kind } { $number }</span>
account-branch-and-number = 店番 { $branch }　口座番号 { $number }
last4 = 下4桁 { $digits }
account-info = ご利用口座情報
datetime = お手続き日時
app = 連携先
reference = 受付番号

## ① ご利用口座情報入力
disclaimer = 免責事項
legal-disclaimer = 本機能はお客様の金融情報を<span class="keep">{ $provider }</span>に提供するものです。{ $us }のAPI利用規定 (画面下部のリンクからご確認ください) に同意し、必ずお客様自身の責任において行って頂きますようお願いいたします。
caution = 注意事項
legal-caution = { $us }を装ったメールやSMSにご注意ください。{ $us }では、メール等で暗証番号等の入力をいただくようなことは絶対にありません。そのような不審なメール等への返信やリンク先へのアクセスは行わないようにお願いいたします。
account-time = お手続きには5分ほどかかります。開始から{ $n }分を過ぎると、最初からのやり直しとなります。
account-needs = ご用意いただくもの：キャッシュカード、お届け電話番号でおかけになれる電話
account-lead-1 = { $us }をご利用いただきましてありがとうございます。
account-lead-2 = お手元にご利用中の口座のキャッシュカードをご準備いただき口座情報を入力してください。
closing = まもなくサービス時間外になります
closing-at = { $time }からサービス時間外となります。お手続きの途中で時間になると、最初からのやり直しとなります。
card-where = カードのどこを見る？
card-figure = キャッシュカードの表面の例。店番は3桁、口座番号はその右の7桁です。
card-title = キャッシュカード
label-branch = 店番
hint-branch = (半角数字3桁)<br>例) 005、010
label-account_type = 科目
label-account_number = 口座番号
hint-account_number = (半角数字)<br>例) 123、0000123、1234567

## ② お客様情報入力
customer-lead-1 = 本人確認を行います。
customer-lead-2 = お名前、生年月日、電話番号を入力してください。
account-again = 口座情報を入力し直す
customer-section = お客様情報の入力
label-name_kana = お名前
hint-name_kana = (半角カタカナ)　(例) ﾃﾞｰﾀ ﾀﾛｳ<br>ひらがなや全角カタカナは、半角カタカナに変換します。
bad-characters = 使用できない文字：{ $characters }
bad-kanji = 漢字（{ $characters }）は使用できません。お名前の読みを、ひらがなまたはカタカナで入力して下さい。
label-birth_year = 生年月日
hint-birth = (半角数字)　例) 1985、S60、昭和60年
birth-western = 西暦{ $year }年です。
birth-year = 西暦
birth-era-year = 和暦
wrong-year = 年は、西暦4桁（例 1954）か、元号を付けた年（例 S29、昭和29年）で入力して下さい。
wrong-era-ends = { $era }は{ $years }年（{ $day }）までです。
wrong-era-begins = { $era }は{ $day }からです。
wrong-day = { $year }年{ $month }月は{ $days }日までです。
wrong-too-early = 1900年1月1日以降の日付を入力して下さい。
wrong-future = 本日より後の日付になっています。
era-M = 明治
era-T = 大正
era-S = 昭和
era-H = 平成
era-R = 令和
year = 年
month = 月
day = 日
phone-section = 電話番号
phone-registered = { $us }にお届けいただいている電話番号を入力してください。
phone-how = (入力された電話番号から{ $us }指定の「認証先電話番号」に電話をかけていただきます。)
label-phone = 電話番号
hint-phone = (半角数字ハイフン無し)
wrong-phone-few = 入力された番号は{ $n }桁です。{ $missing }桁足りません。
wrong-phone-many = 入力された番号は{ $n }桁です。{ $extra }桁多くなっています。
wrong-phone-zero = 先頭の0から入力して下さい。
email-section = メールアドレス
email-purpose = 認可操作後に完了のお知らせを送信するメールアドレスを入力してください。
email-domain = お知らせは <span class="keep">@{ $domain }</span> からお送りします。
label-email = メールアドレス
hint-email = (半角英数字記号)
label-email_confirm = メールアドレス (確認用)
hint-email_confirm = (半角英数字記号)<br>確認のため2回入力してください

## ③ 電話番号の確認
phone-lead = 電話番号での認証を行います。
registered-phone = お届け電話番号
phone-number = 電話番号
name-converted = 入力されたお名前は、この形で記録します。
name-again = お名前を入力し直す
before-call = お電話のご準備
before-call-1 = 次の画面が表示されてから{ $seconds }秒以内に、この番号の電話からおかけいただきます。電話をお手元にご用意のうえ、お進みください。
before-call-2 = 番号を非通知に設定されている方は、先頭に186を付けておかけください。
phone-decide = 電話番号の決定

## ④ 電話番号認証
call-title = 電話番号認証
call-lead-1 = 電話番号での認証を行います。お届け電話番号から認証先電話番号へお電話ください。
call-lead-2 = 電話番号認証完了後、「確定する」ボタンを押してください。
call-from = 発信元
call-to = 発信先
called-number = 認証先電話番号
call-free = (通話料無料)
call-now = この番号に電話をかける
call-copy = 番号をコピー
call-copied = コピーしました
call-left = 残り
call-second = 秒
call-seconds = 秒
call-stopped = 残り時間の表示を終わりました。「確定する」は{ $time }までに押してください。
call-until = お電話の期限
call-until-time = { $time }まで
call-confirm-until = 「確定する」を押す期限
call-asks = お届けの電話（下4桁 { $digits }）からおかけになっていますか。
call-early = まだお電話を確認できていません。先に、お届けの電話（下4桁 { $digits }）から「認証先電話番号」におかけください。電話が自動で切れましたら、もう一度「確定する」を押してください。
call-other = お届けの電話ではない電話からおかけになった場合は、呼出音が鳴っても認証は完了しません。
call-new-number = お電話の期限が過ぎたため、新しい番号をご案内します（このあとのご案内は、残り{ $n }回です）。
call-last-number = お電話の期限が過ぎたため、新しい番号をご案内します（今回が最後のご案内です）。
call-next-number = 新しい番号を表示する
call-left-spoken = 残り{ $n }秒です。
call-waiting = 認証中（認証着信待ち）
call-seen = お電話を確認しました。「確定する」を押してください。
call-withheld = 非通知のお電話がありました。お客様のお電話でしたら、先頭に186を付けておかけ直しください。
call-confirm = 確定する
call-for-app = { $app }と口座を連携するためのお電話です
call-notes = 注意
call-note-1 = 本画面が表示されてから{ $seconds }秒以内に、お電話ください。
call-note-2 = 電話番号が非通知設定になっている場合は認証できません。
call-note-3 = 呼出音がならない場合は、再度お電話ください。
call-note-4 = 電話番号のおかけ間違いがないようご注意ください。
call-note-5 = 2〜3コール後、自動で電話が切れ、認証完了します。アナウンスは流れません。
call-note-6 = スマートフォンをご利用の方へ
call-note-7 = 通話が終了しても電話アプリケーションが自動で終了しない場合は、ダイヤルキャンセルボタンを押してブラウザに戻ってください。

## ⑤ キャッシュカード暗証番号認証
pin-section = キャッシュカード暗証番号
pin-lead = キャッシュカード暗証番号での認証を行います。
pin-app = 入力された暗証番号は、{ $app }には開示されません。
label-pin = キャッシュカードの暗証番号
hint-pin = (半角数字4桁)<br>ATMでお使いの4桁です。
pin-of = 暗証番号を
pin-show = 表示する
pin-hide = 隠す

## ⑥ 情報連携認可
consent-lead = <b class="keep">{ $provider }</b>が以下の許可を求めています。
remembered = 本人確認はお済みです
remembered-text = { $time }に、この端末で本人確認（口座情報、お客様情報、お電話、暗証番号の確認）が完了しています。そのため、今回は手順1から5までを省略しました。
remembered-not-you = お心当たりのない場合は、「拒否する」を押してください。
scope-both = 口座情報・明細情報へのアクセス
scope-accounts = 口座情報へのアクセス
scope-transactions = 明細情報へのアクセス
scope-identity = お客様の識別
scope-text = お客様の口座の資産情報へのアクセスを許可します。
scope-identity-text = アプリがお客様を見分けるための番号をお渡しすることを許可します。
scope-item-accounts = 口座の科目、口座番号、残高
scope-item-transactions = 入出金明細（約3か月分）
scope-item-transactions-days = 入出金明細（{ $from }から{ $to }まで）
scope-item-transactions-from = 入出金明細（{ $from }から）
scope-item-transactions-to = 入出金明細（{ $to }まで）
scope-item-openid = お客様を見分けるための番号（このアプリ専用で、口座番号ではありません）
accounts-section = 連携する口座
label-account = 連携する口座
accounts-hint = チェックを入れた口座だけを連携します。
accounts-fixed = 本人確認をした口座を連携します。
error-account-choice = 連携する口座を選んで下さい。
period = 認可期間
period-days = { $days }日
period-until = { $date }まで
period-text = 期間を過ぎると連携は終わります。続けてご利用いただくには、再度、API連携認証が必要です。
not-shared = 連携しないもの
not-shared-1 = 暗証番号、生年月日、お届け電話番号、メールアドレス
not-shared-2 = お振込や出金などのお取引（この許可ではできません）
provider-section = 連携先の事業者
app-name = アプリ名称
provider-name = アプリ提供事業者
registration-number = 登録番号
provider-contact = 連絡先
provider-contact-link = お問い合わせ窓口
provider-terms = 利用規約
provider-terms-link = 利用規約を読む
provider-disclosure = 契約等の公表
provider-disclosure-link = 公表の内容を見る
provider-downstream = 情報の再提供先
provider-downstream-one = { $name }（{ $purpose }）
asked-again = { $app }から、ご本人の確認をあらためて行うよう求められています。
existing = すでに連携している内容
existing-new = 今回新たに連携する内容
existing-whole = 許可後の連携
existing-ending = 今回の許可により終了する内容
existing-period = 許可されますと、すでに連携している内容も含めて、認可期間は{ $until }までとなります。
existing-all = 許可されますと、すべての口座について、上記のすべての内容が連携されます。
existing-replaced = チェックを入れていない口座の連携は、今回の許可により終了します。
beside-ends = 今回の許可により、{ $since }に許可された連携（受付番号 { $reference }）は終了します。
accounts-added = 新たに連携する口座を選んでください。選ばない場合は、すでに連携している口座のみとなります。
consent-notes = ご注意
legal-consent-1 = 次に進む前に、Webサイトを信頼できるかどうかをお客様自身の判断で確認してください。
legal-consent-2 = 「許可する」ボタンをクリックすることによって、お客様は<span class="keep">{ $provider }</span>の利用規約のもと利用を続けることとなります。
legal-consent-3 = お客様の入力された暗証番号等の認証情報はAPI連携先には開示されません。また、API連携先との間の通信は暗号化されています。
legal-consent-4 = 本アプリケーションへのアクセスは、{ $us }へ連絡することでも解除することができます。
consent-my = 許可した連携は、いつでも確認し、停止できます。
legal-terms = { $us }のAPI利用規定に従って、API連携事業者にお客様の金融情報を提供します。
legal-agree = { $us }のAPI利用規定を確認し、同意します。
label-agree = 同意
notices-box = 次のお知らせもメールで受け取ります。
notices-which = 認可期間の終了が近づいたとき、連携が終了したとき、API連携認証が一時停止されたとき、この口座で新しい連携が許可されたとき
notices-hint = メールアドレス（{ $masked }）は、お知らせの送信にのみ使用し、連携の終了後{ $n }日以内に消去します。
allow = 許可する
deny = 拒否する

## Pages that end the way
cancelled-text = API連携認証を中止しました。
cancelled-nothing = 今回のお手続きでは、新たに提供された情報はありません。
cancelled-living = 以前に許可された連携がある場合、その連携は続いています。
cancelled-current = { $app }との現在の連携（{ $until }まで）は続いています。
cancelled-my = 停止をご希望の場合は、「連携サービスの確認・停止」をご利用いただくか、お電話ください。
locked-why = 理由と、これからのこと
locked-1 = 本人認証情報の入力誤りが1日の上限の回数に達したため、API連携認証を一時的に停止しました。お客様情報（生年月日、電話番号）の誤りと暗証番号の誤りは、同じ口座では合わせて数えます。
locked-1-pin = 暗証番号の入力誤りが上限の回数に達したため、API連携認証を停止しました。
locked-2 = <b>{ $date }0時以降</b>に自動で解除されます。そのあとで、もう一度お手続きください。
locked-2-contact = 解除には、お問い合わせ先へのご連絡が必要です。
locked-3 = 停止したのはAPI連携認証だけです。ATMでのお引出しなど、その他のお取引には制限はかかりません。
closed-again = 次にご利用いただける時間
closed-from = { $time }から
closed-when = サービス時間外となる時間
closed-adhoc = その他システムメンテナンスの場合
reopened = サービスを再開しました。
reopened-restart = 「最初からやり直す」を押して、お手続きを始めてください。
reopened-app = アプリの画面から、もう一度お手続きください。
my-reopened = もう一度お手続きください。
busy-text = しばらく時間をおいてから、アプリの画面でもう一度お手続きください。
too-many-text = { $time }以降に、アプリの画面からもう一度お試しください。
too-often-text = アプリの画面に戻り、時間をおいてから、もう一度お手続きください。
no-account-text = アプリから求められた口座の中に、連携できる口座がありませんでした。口座の情報は、アプリに提供されていません。
invalid-grant-text = 口座の情報は、アプリに提供されていません。
failed-text = しばらく時間をおいてから、もう一度お手続きください。それでも改善しない場合は、お問い合わせ先へご照会ください。
expired-call-text = お電話は、電話番号認証の画面が表示されてから{ $seconds }秒以内にお願いしています。期限が過ぎたため、この電話番号認証は無効となりました。
expired-idle-text = { $n }分間操作がなかったため、安全のため、お手続きを終了しました。
expired-whole-text = 開始から{ $n }分が過ぎたため、安全のため、お手続きを終了しました。
expired-kept = 「最初からやり直す」を押すと、送信済みの入力内容を残したまま、もう一度お手続きいただけます。
expired-anew = お手数ですが、アプリの画面からもう一度お手続きください。
expired-gone = 長い時間がたったため、このページから続けることはできません。
expired-gone-text = 連携がお済みでない場合は、お手数ですが、{ $app }の画面からもう一度お手続きください。
expired-elsewhere = このお手続きは、別の画面で続けられたか、完了したか、時間が過ぎています。
expired-elsewhere-text = 開いている別の画面をご確認いただくか、アプリの画面からもう一度お手続きください。
restart = 最初からやり直す
done-text = 連携は完了しています。
done-next = この画面を閉じて、{ $app }の画面にお戻りください。
handover-failed = アプリへの受け渡しが完了しませんでした。連携元のアプリから、もう一度お手続きください。
oauth-error-text = アプリからの連携の申し込みに誤りがあるため、お手続きを始められません。
oauth-error-next = アプリの画面に戻り、もう一度お試しください。繰り返すときは、アプリの提供事業者へお問い合わせください。
oauth-error-detail = アプリの開発者の方へ
home-text = 口座の連携は、ご利用になるアプリの画面から始めてください。
nowhere-text = お探しのページはありません。アドレスをご確認いただくか、アプリの画面からもう一度お手続きください。
form-post-text = { $app }の画面に戻ります。
form-post-next = 自動で進まないときは、ボタンを押してください。
form-post-go = 続ける

## 連携サービスの確認・停止
title-my = 連携サービスの確認・停止
title-my-account = 連携サービスの確認・停止 (ご利用口座情報入力)
title-my-customer = 連携サービスの確認・停止 (お客様情報入力)
title-my-phone = 連携サービスの確認・停止（電話番号の確認）
title-my-call = 連携サービスの確認・停止 (電話番号認証)
title-my-pin = 連携サービスの確認・停止（キャッシュカード暗証番号認証）
title-my-locked = 連携サービスの確認・停止（API連携認証の一時停止）
title-my-ended = 連携サービスの確認・停止（終了した連携）
title-my-receipt = 連携サービスの確認・停止（連携の控え）
title-my-cancelled = 連携サービスの確認・停止（終了）
step-6-my = 連携の確認・停止
my-account-lead = お客様の口座の情報を提供しているサービスを確認し、停止できます。
my-account-text = はじめにご本人の確認を行います。
my-customer-lead = 生年月日、電話番号を入力してください。
my-call-for = 「連携サービスの確認・停止」のご本人確認のためのお電話です
my-last-visit = 前回のご利用：{ $at }。お心当たりのない場合は、お問い合わせ先へご連絡ください。
my-first-visit = 前回のご利用の記録はありません。ご不明な点は、お問い合わせ先へご連絡ください。
my-none = お客様の口座の情報を提供しているサービスはありません。
my-count = お客様の口座の情報を提供しているサービスは<b>{ $n }件</b>です。
my-account = { $kind }（口座番号下3桁 { $last3 }）
my-other-accounts = この画面に表示できない口座 { $n }件
my-what = 連携する情報
my-since = 許可した日時
my-until = { $until }まで
my-days-left = あと{ $n }日
my-last-use = 最終利用日
my-last-use-hint = 口座情報を提供するシステムが、最後に確認した日です。
my-provider = 事業者について
my-provided-by = { $provider }
my-of = （{ $app }）
my-history = これまでの経過
my-history-line = { $what }（{ $who }）
my-history-ended = 終了（{ $why }）
my-change-allowed = 許可
my-change-widened = 内容の追加
my-change-narrowed = 内容の縮小
my-change-renewed = 期間の更新
my-change-changed = 内容の変更
my-who-customer = お客様
my-who-client = アプリ
my-who-institution = { $us }
my-who-account = 口座の異動
my-who-replay = 安全のため
my-by-expired = 期間の満了
my-by-customer = お客様による停止
my-by-client = アプリからの解除
my-by-institution = { $us }による停止
my-by-account = 口座の移管・解約等による終了
my-by-replaced = 新しい許可への切り替え
my-by-replay = 安全のための停止
my-stop = 連携を停止する
my-stop-text = 停止すると、{ $app }は、この連携による口座の情報を受け取れなくなります。停止（連携の解除）はすぐに行われ、取り消せません。もう一度連携するには、アプリの画面からAPI連携認証のお手続きが必要です。停止する前に{ $app }が受け取った情報の取扱い、削除のご希望、苦情は、{ $provider }（{ $contact }）へお問い合わせください。
my-stop-text-no-contact = 停止すると、{ $app }は、この連携による口座の情報を受け取れなくなります。停止（連携の解除）はすぐに行われ、取り消せません。もう一度連携するには、アプリの画面からAPI連携認証のお手続きが必要です。停止する前に{ $app }が受け取った情報の取扱い、削除のご希望、苦情は、{ $provider }へお問い合わせください。
my-stop-whole = この口座で本人確認をした連携のため、停止すると、この連携に含まれるすべての口座の連携が終了します。
my-narrow = この口座だけ停止する：{ $account }
my-narrow-text = 停止すると、{ $app }は、{ $account }の情報を受け取れなくなります。ほかの口座の連携は続きます。停止はすぐに行われ、取り消せません。この口座をもう一度連携するには、アプリの画面からAPI連携認証のお手続きが必要です。
my-narrowed = { $app }との連携から、口座を1つ外しました
my-narrowed-text = ほかの口座の連携は続いています。
my-notices = お知らせの送信先
my-no-mail = お知らせの送信をやめる
my-no-mail-done = { $app }との連携のお知らせは、今後お送りしません
my-no-mail-text = メールアドレスは消去しました。連携は続いています。
my-stop-now = 停止を確定する
my-all = すべての連携の停止
my-stop-all = すべての連携を停止する
my-stop-all-text = 停止すると、次の{ $n }件のサービスは、この連携による口座の情報を受け取れなくなります。停止（連携の解除）はすぐに行われ、取り消せません。もう一度連携するには、それぞれのアプリの画面からAPI連携認証のお手続きが必要です。停止する前に受け取られた情報の取扱い、削除のご希望、苦情は、次の事業者へお問い合わせください。
my-stop-all-now = すべての停止を確定する
my-stopped = { $app }との連携を停止しました
my-stopped-all = { $n }件の連携を停止しました
my-stopped-all-text = 停止した連携の控えは、「終了した連携」から印刷できます。
my-stopped-before = { $app }との連携は、すでに終了していました
my-stopped-before-text = 終了した日時と理由は、「終了した連携」でご確認いただけます。
my-receipt-of = 控えを表示する（{ $app }）
my-ended = 終了した連携
my-ended-link = 過去1年間に終了した連携を表示する
my-ended-none = 過去1年間に終了した連携はありません。
my-ended-count = 過去1年間に終了した連携は<b>{ $n }件</b>です。
my-ended-at = 終了日時
my-ended-why = 理由
my-back = 連携中のサービスに戻る
my-receipt-lead = お客様は、<b class="keep">{ $provider }</b>に以下の内容を許可されました。
my-receipt-facts = お手続きの内容
my-receipt-now = 現在連携している口座
my-receipt-then = 終了するまで連携していた口座
my-ticked = チェックあり
my-unticked = チェックなし
my-receipt-words = 許可されたときに画面に表示した内容
my-receipt-today = 許可されたときの画面の記録がないため、現在の画面の文で表示しています。
my-receipt-stop = 停止（連携の解除）の方法
my-receipt-stop-text = 「連携サービスの確認・停止」（{ $url }）、アプリの画面、お電話（{ $number }、{ $hours }）で、いつでも停止できます。
my-state = 現在の状態
my-state-open = 連携中（{ $until }まで）
my-state-ended = { $at }に終了（{ $why }）
my-terms = （API利用規定の版：{ $version }）
my-printed = 表示日時 { $at }
my-print = ブラウザの印刷機能で、この控えを印刷できます。
my-time = この画面の表示時間
my-time-text = 安全のため、操作がないと{ $idle }に、操作を続けても{ $whole }に、この画面は自動で終了します。
my-idle-soon = 操作がないため、あと2分でお手続きを終了します。
my-whole-soon = お手続きの制限時間まで、あと2分です。
my-extend = 手続きを続ける
my-finish = 終了する
my-finished = 「連携サービスの確認・停止」を終了しました。
my-finished-text = この画面を閉じてください。
my-cancelled = お手続きを中止しました。
my-cancelled-text = 連携の停止は行われていません。
my-stop-anyway = 連携の停止をお急ぎの場合
my-closed = ただ今の時間は、この画面をご利用いただけません。{ $time }から再開します。アプリの画面で連携を解除することもできます。お電話でも連携を停止できます（{ $number }、{ $hours }）。
my-locked = API連携認証が一時停止中のため、この画面でのお手続きはできません。お電話でも連携を停止できます（{ $number }、{ $hours }）。
my-stop-phone = アプリの画面で連携を解除することもできます。お電話でも連携を停止できます（{ $number }、{ $hours }）。
my-stop-contact = 上記の時間外に連携の停止を承る電話番号：
my-busy = しばらく時間をおいてから、もう一度お手続きください。
my-too-many = { $time }以降に、もう一度お試しください。
my-expired-time = 安全のため、しばらく操作がないときと、制限時間が過ぎたときは、お手続きを終わります。お手数ですが、もう一度お手続きください。
my-expired-elsewhere = 開いている別の画面をご確認いただくか、もう一度お手続きください。
my-unknown-accounts = 口座情報の確認ができない状態が続いたため、このお手続きを終了しました。キャッシュカードをお手元にご用意のうえ、もう一度お手続きください。

## Errors
error-heading = 入力内容をご確認ください
error-missing = 入力されていない項目があります。
error-required = 必ず入力して下さい。
error-branch = 半角数字3桁で入力して下さい。
error-account-number = 半角数字7桁以内で入力して下さい。
error-kana = 半角カタカナで入力して下さい。
error-kana-long = 48文字以内で入力して下さい。
error-birth-date = 生年月日を正しく入力して下さい。
error-birth-year = 「年」を入力して下さい。
error-birth-month = 「月」を選択して下さい。
error-birth-day = 「日」を選択して下さい。
error-phone = 060・070・080・090・050で始まる番号は11桁、それ以外の番号は10桁の半角数字で入力して下さい。
error-email = メールアドレスの形式が正しくありません。
error-email-dots = 「.」が連続する、または「@」の直前に「.」があるメールアドレスには、お知らせをお届けできません。別のメールアドレスを入力して下さい。
error-email-long = 64文字以内で入力して下さい。
error-email-mismatch = メールアドレスが一致していません。
error-pin = 半角数字4桁で入力して下さい。
error-agree = API利用規定をご確認のうえ、同意のチェックを入れて下さい。
error-r30 = ご指定の口座は、本サービスではお取り扱いできません。
error-r31 = 本人認証情報が誤っています。本人認証項目をご確認のうえ、再度入力して下さい。
check-customer = 生年月日とお届け電話番号をご確認ください。
check-pin = キャッシュカードの暗証番号（ATMでお使いの4桁）をご確認ください。
last-try-of-day = あと1回誤りますと、API連携認証を本日はご利用いただけなくなります。ATMでのお引出しなど、その他のお取引に影響はありません。
last-try-before-lock = あと1回誤りますと、API連携認証をご利用いただけなくなり、解除にはお問い合わせ先へのご連絡が必要となります。
error-r32 = お取扱いができなくなりました。詳しくは本サービスのお問合せ窓口へご照会下さい。
error-r33 = ただ今お取扱いできません。詳しくは本サービスのお問合せ窓口へご照会下さい。 理由コードはB84です。
error-r34 = ただ今の時間はサービスを行っていません。 ご了承下さい。
error-r35 = ただ今受付が混雑しておりますので、しばらくしてからご利用下さい。
error-r36 = 調整のため連絡ができなくなりました。 なお、お急ぎの場合は本サービスのお問合せ窓口へご照会下さい。
error-r37 = ご指定のサービスはただ今お取扱できません。 なお、お急ぎの場合は本サービスのお問合せ窓口へご照会下さい。
error-no-number = ただ今、ご案内できる電話番号がありません。{ $time }以降に、もう一度「電話番号の決定」を押してください。
error-no-number-again = ただ今、ご案内できる電話番号がありません。{ $time }以降に、もう一度「新しい番号を表示する」を押してください。
error-too-often = 短い時間に多くの入力があったため、受け付けを一時止めています。{ $time }以降に、もう一度お試しください。
error-check-under-way = この口座について別のお手続きを確認しています。少し待ってから、もう一度「次へ」を押してください。
error-unknown-accounts = 口座情報の確認ができない状態が続いたため、このお手続きを終了しました。キャッシュカードをお手元にご用意のうえ、アプリの画面からもう一度お手続きください。
error-invalid-grant = 変更する連携を確認できないため、このお手続きを終了しました。アプリの画面からもう一度お手続きください。
error-no-days = アプリから求められた期間の明細は、提供できません。アプリの画面からもう一度お手続きください。
error-r57 = API連携認証の最初に戻って操作してください。

## Mail. No sentence is broken by hand: the reader's program does that.
mail-japanese = 日本語の本文：
mail-completed-subject = 【{ $institution }】API連携認証 完了のお知らせ（受付番号 { $reference }）
mail-allowed = 下記の内容でAPI連携認証（情報連携の許可）のお手続きが完了しましたので、お知らせいたします。
mail-allowed-identity = 下記の内容でAPI連携認証（情報連携の許可）のお手続きが完了しましたので、お知らせいたします。
mail-completed =
    お手続き日時：{ $at }
    連携先：{ $app }（{ $provider }）
    許可した内容：{ $what }
    対象口座：{ $account }
    認可期間：{ $days }日（{ $until }まで）

    連携の内容の確認や停止は、{ $us }ホームページの「連携サービスの確認・停止」で行えます（サービス時間外を除きます）。
mail-account-none = なし（口座の情報は連携されません）
mail-account = { $kind }（口座番号下3桁 { $last3 }）

## Notices to customers who asked for them on ⑥
mail-greeting =
    お客さま

    いつも{ $institution }をご利用いただき、ありがとうございます。
mail-wish = このお知らせは、お手続きの際にご希望いただいたメールアドレスへお送りしています。不要な場合は、「連携サービスの確認・停止」またはお電話でお申し出ください。
mail-end =
    お心当たりのない場合は、お手元の通帳・キャッシュカード裏面または{ $us }ホームページに記載の連絡先へ、すぐにお電話ください（{ $hours }）。

    このメールは送信専用です。ご返信いただいてもお答えできません。
    このメールにリンクや添付ファイルはありません。{ $us }が、メールやSMSで暗証番号等の入力をお願いすることは絶対にありません。
mail-expiring-subject = 連携の期限が近づいたお知らせ
mail-expiring =
    下記の連携は、認可期間の終了が近づいています。引き続きご利用になる場合は、アプリの画面から、あらためてAPI連携認証のお手続きをお願いいたします。お手続きがない場合は、期限をもって連携が終了します。

    連携先：{ $app }（{ $provider }）
    期限：{ $until }
    受付番号：{ $reference }
mail-ended-subject = 連携終了のお知らせ
mail-ended =
    下記の連携は終了しました。

    連携先：{ $app }（{ $provider }）
    終了日時：{ $at }
    理由：{ $why }
    受付番号：{ $reference }
mail-suspended-subject = API連携認証の一時停止のお知らせ
mail-suspended =
    本人認証情報の入力誤りが続いたため、お客様の口座のAPI連携認証を一時的に停止しました。{ $released }現在の連携やATMでのお取引に影響はありません。

    日時：{ $at }
mail-suspended-until = { $date }0時以降に自動で解除されます。
mail-suspended-contact = 解除には、お問い合わせ先へのご連絡が必要です。
mail-new-link-subject = 新しい連携のお知らせ
mail-new-link =
    お客様の口座で、新しい連携が許可されました。内容は、{ $us }ホームページの「連携サービスの確認・停止」でご確認いただけます。

    日時：{ $at }
