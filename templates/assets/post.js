// The answer to the app is a form that sends itself; its button is for browsers without script. Apart from renkei.js and
// in the oldest words there are, so that every browser that runs scripts at all runs this one.
document.forms[0].submit();
