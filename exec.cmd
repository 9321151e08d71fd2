@rem The start script begins with the exec of sh, so that signals to npm reach the server; cmd.exe finds it here.
@%*
